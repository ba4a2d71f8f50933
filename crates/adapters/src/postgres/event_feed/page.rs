//! Pages of numbered events.

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, BatchId, DeviceId, EnrollmentId, EventId, EventType, FeedCursor, FeedError, FeedEvent,
    FeedPage, FeedRequest, KeyId, RepositoryError, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};

use crate::postgres::connection::error::classify;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::transaction::begin::in_snapshot;
use crate::postgres::transaction::blocking::Lease;

/// Maximum number of positions that a page spans. A type that is rare must not make a request read
/// the whole feed.
const MAX_SPAN: i64 = 10_000;

/// A page of the numbered events.
pub(super) struct NumberedPage {
    pub(super) page: FeedPage,
    /// `true` if the page reaches the last numbered event, and the caller should number more or
    /// record the read.
    pub(super) needs_numbering: bool,
}

/// State of the feed.
#[derive(QueryableByName)]
struct FeedRow {
    #[diesel(sql_type = BigInt)]
    last_position: i64,
    /// Events up to this position may have been purged.
    #[diesel(sql_type = BigInt)]
    purged_position: i64,
    /// `true` if events are committed that have no position yet.
    #[diesel(sql_type = Bool)]
    has_unnumbered: bool,
    #[diesel(sql_type = Bool)]
    is_read_recently: bool,
    /// Time of the event at the cursor, if it exists.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    event_time: Option<DateTime<Utc>>,
}

/// Reads a page of the numbered events, and whether others exist.
pub(super) fn read(
    lease: &mut Lease,
    workspace: WorkspaceId,
    request: FeedRequest,
) -> Result<NumberedPage, FeedError> {
    // One snapshot. Otherwise, events could be purged between the check of the cursor and the page.
    let trace = lease.trace().cloned();
    let page = in_snapshot(lease.connection()?, trace.as_ref(), |connection| {
        let after = request.after.unwrap_or(FeedCursor::START);
        let feed = feed(connection, workspace, after.position)?;
        if is_expired(request.after, feed.as_ref()) {
            return Ok(Err(FeedError::CursorExpired));
        }
        let Some(feed) = feed else {
            return Ok(Ok(never_read()));
        };
        Ok(numbered_page(connection, workspace, &feed, request)?.map_err(FeedError::from))
    });
    page.map_err(classify)?
}

fn feed(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    position: i64,
) -> QueryResult<Option<FeedRow>> {
    // EXISTS without an order may scan the table: the statistics can be those of a time at which no
    // event was numbered.
    diesel::sql_query(
        "SELECT last_position, purged_position, \
                (read_at > now() - interval '1 minute') IS TRUE AS is_read_recently, \
                (SELECT id FROM device_events \
                 WHERE device_events.workspace_id = $1 AND feed_position IS NULL \
                 ORDER BY occurred_at, id LIMIT 1) IS NOT NULL AS has_unnumbered, \
                (SELECT occurred_at FROM device_events \
                 WHERE device_events.workspace_id = $1 AND feed_position = $2) AS event_time \
         FROM event_feeds WHERE event_feeds.workspace_id = $1",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(position)
    .get_result(connection)
    .optional()
}

/// Returns whether a cursor is not valid any more: events after it were purged, or it is from a
/// later state of the database than the one that was restored from a backup.
fn is_expired(cursor: Option<FeedCursor>, feed: Option<&FeedRow>) -> bool {
    let Some(cursor) = cursor else {
        return false;
    };
    let Some(feed) = feed else {
        return cursor.position > 0;
    };
    let is_other_event = matches!((cursor.event_time, feed.event_time),
        (Some(read), Some(stored)) if read != stored);
    cursor.position < feed.purged_position || cursor.position > feed.last_position || is_other_event
}

/// Returns the page of a feed that was neither read nor purged.
fn never_read() -> NumberedPage {
    NumberedPage {
        page: FeedPage {
            events: Vec::new(),
            cursor: FeedCursor::START,
            has_more: false,
        },
        needs_numbering: true,
    }
}

fn numbered_page(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    feed: &FeedRow,
    request: FeedRequest,
) -> QueryResult<Result<NumberedPage, RepositoryError>> {
    let start = request.after.unwrap_or(FeedCursor {
        position: feed.purged_position,
        event_time: None,
    });
    let end = feed
        .last_position
        .min(start.position.saturating_add(MAX_SPAN));
    let rows: Vec<EventRow> = if start.position < end {
        page_statement(workspace, start.position, end, request).load(connection)?
    } else {
        Vec::new()
    };
    let candidates = rows.first().map_or(0, |row| row.candidates);
    let is_cut = candidates >= i64::from(request.limit) || candidates > rows.len() as i64;
    let last = rows.last().map(|row| FeedCursor {
        position: row.feed_position,
        event_time: Some(row.occurred_at),
    });
    let cursor = match last {
        Some(last) if is_cut || last.position == end => last,
        _ if start.position == end => start,
        _ => FeedCursor {
            position: end,
            event_time: event_time(connection, workspace, end)?,
        },
    };
    let is_at_end = cursor.position == feed.last_position;
    let events = rows.into_iter().map(EventRow::into_event);
    let events: Result<Vec<_>, _> = events.collect();
    Ok(events.map(|events| NumberedPage {
        needs_numbering: is_at_end && (feed.has_unnumbered || !feed.is_read_recently),
        page: FeedPage {
            events,
            cursor,
            has_more: !is_at_end || feed.has_unnumbered,
        },
    }))
}

/// Returns the time of the event at a position, if it exists.
fn event_time(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    position: i64,
) -> QueryResult<Option<DateTime<Utc>>> {
    #[derive(QueryableByName)]
    struct TimeRow {
        #[diesel(sql_type = Timestamptz)]
        occurred_at: DateTime<Utc>,
    }
    let row: Option<TimeRow> = diesel::sql_query(
        "SELECT occurred_at FROM device_events \
         WHERE device_events.workspace_id = $1 AND feed_position = $2",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(position)
    .get_result(connection)
    .optional()?;
    Ok(row.map(|row| row.occurred_at))
}

/// Columns of each event that a page selects.
const COLUMNS: &str = "feed_position, id, occurred_at, action, batch_id, device_ids, user_id, \
                       enrollment_id, fields, key_id, request_id";

/// Returns the statement that selects the events of a page.
fn page_statement(workspace: WorkspaceId, start: i64, end: i64, request: FeedRequest) -> Statement {
    let mut page = Statement::default();
    let workspace = page.bind(Value::Integer(workspace.0));
    let start = page.bind(Value::Integer(start));
    let end = page.bind(Value::Integer(end));
    let limit = page.bind(Value::Integer(i64::from(request.limit)));
    let condition = request.event_type.map_or("", type_condition);
    let max_devices = FeedPage::MAX_DEVICES;
    // An event with more devices than a page may have is a page of its own.
    page.push(&format!(
        "SELECT {COLUMNS}, candidates, \
                (SELECT name FROM api_keys \
                 WHERE api_keys.workspace_id = {workspace} AND api_keys.id = key_id) AS key_name \
         FROM ( \
             SELECT {COLUMNS}, cardinality(device_ids) AS devices, \
                    sum(cardinality(device_ids)) OVER (ORDER BY feed_position) AS total_devices, \
                    count(*) OVER () AS candidates \
             FROM ( \
                 SELECT {COLUMNS} FROM device_events \
                 WHERE device_events.workspace_id = {workspace} \
                   AND feed_position > {start} AND feed_position <= {end}{condition} \
                 ORDER BY feed_position LIMIT {limit} \
             ) AS candidate \
         ) AS event \
         WHERE total_devices <= {max_devices} OR total_devices = devices \
         ORDER BY feed_position"
    ));
    page
}

/// Returns the type of an event of a device, a user or an enrolment.
pub(super) fn event_type(
    action: &str,
    user: Option<i64>,
    enrollment: Option<i64>,
) -> Result<EventType, RepositoryError> {
    let action = Action::from_name(action);
    let event_type = action.and_then(|action| match (action, user, enrollment) {
        (Action::Created, None, None) => Some(EventType::DeviceCreated),
        (Action::Updated, None, None) => Some(EventType::DeviceUpdated),
        (Action::Deleted, None, None) => Some(EventType::DeviceArchived),
        (Action::Restored, None, None) => Some(EventType::DeviceRestored),
        (Action::Created, Some(_), None) => Some(EventType::UserCreated),
        (Action::Updated, Some(_), None) => Some(EventType::UserUpdated),
        (Action::Deleted, Some(_), None) => Some(EventType::UserDeleted),
        (Action::Created, None, Some(_)) => Some(EventType::EnrollmentCreated),
        (Action::Updated, None, Some(_)) => Some(EventType::EnrollmentUpdated),
        (Action::Deleted, None, Some(_)) => Some(EventType::EnrollmentDeleted),
        (Action::Undone, None, None) => Some(EventType::BatchUndone),
        _ => None,
    });
    event_type.ok_or_else(|| RepositoryError::Failed("an event has an unknown type".into()))
}

/// Returns the condition that an event has this type.
pub(super) fn type_condition(event_type: EventType) -> &'static str {
    match event_type {
        EventType::DeviceCreated => {
            " AND action = 'CREATED' AND user_id IS NULL AND enrollment_id IS NULL"
        }
        EventType::DeviceUpdated => {
            " AND action = 'UPDATED' AND user_id IS NULL AND enrollment_id IS NULL"
        }
        EventType::DeviceArchived => {
            " AND action = 'DELETED' AND user_id IS NULL AND enrollment_id IS NULL"
        }
        EventType::DeviceRestored => " AND action = 'RESTORED'",
        EventType::UserCreated => " AND action = 'CREATED' AND user_id IS NOT NULL",
        EventType::UserUpdated => " AND action = 'UPDATED' AND user_id IS NOT NULL",
        EventType::UserDeleted => " AND action = 'DELETED' AND user_id IS NOT NULL",
        EventType::EnrollmentCreated => " AND action = 'CREATED' AND enrollment_id IS NOT NULL",
        EventType::EnrollmentUpdated => " AND action = 'UPDATED' AND enrollment_id IS NOT NULL",
        EventType::EnrollmentDeleted => " AND action = 'DELETED' AND enrollment_id IS NOT NULL",
        EventType::BatchUndone => " AND action = 'UNDONE'",
    }
}

#[derive(QueryableByName)]
struct EventRow {
    #[diesel(sql_type = BigInt)]
    feed_position: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    batch_id: Option<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    device_ids: Vec<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    enrollment_id: Option<i64>,
    #[diesel(sql_type = Array<Text>)]
    fields: Vec<String>,
    #[diesel(sql_type = BigInt)]
    key_id: i64,
    #[diesel(sql_type = Text)]
    key_name: String,
    #[diesel(sql_type = Text)]
    request_id: String,
    /// Number of events that the page would have if it did not end at a number of devices.
    #[diesel(sql_type = BigInt)]
    candidates: i64,
}

impl EventRow {
    fn into_event(self) -> Result<FeedEvent, RepositoryError> {
        let event_type = event_type(&self.action, self.user_id, self.enrollment_id)?;
        // The number of a batch is the id of its first event. Without options, it has no other.
        let is_batch = event_type == EventType::DeviceCreated;
        let batch = self.batch_id.or(is_batch.then_some(self.id));
        Ok(FeedEvent {
            id: EventId(self.id),
            event_type,
            occurred_at: self.occurred_at,
            batch: batch.map(BatchId),
            devices: self.device_ids.into_iter().map(DeviceId).collect(),
            user: self.user_id.map(UserId),
            enrollment: self.enrollment_id.map(EnrollmentId),
            fields: self.fields,
            key: KeyId(self.key_id),
            key_name: self.key_name,
            request_id: self.request_id,
        })
    }
}
