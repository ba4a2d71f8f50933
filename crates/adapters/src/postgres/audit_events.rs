//! The audit trail.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Action, DeviceId, EnrollmentId, Event, EventFilter, EventId, EventRepository, KeyId, Origin,
    RepositoryError, Subject, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::schema::tables::device_events;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::usage_counts::{Resource, UsageChange};

/// The audit trail, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresEvents {
    database: Database,
}

impl PostgresEvents {
    /// Creates a repository on this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

/// An event to be inserted.
pub(crate) struct NewEvent {
    action: Action,
    device_ids: Vec<i64>,
    user_id: Option<i64>,
    enrollment_id: Option<i64>,
    fields: Vec<&'static str>,
    usage: Option<UsageChange>,
}

#[derive(QueryableByName)]
struct InsertedRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    transaction_id: String,
}

impl NewEvent {
    pub(crate) fn new(action: Action, subject: Subject) -> Self {
        let mut event = Self {
            action,
            device_ids: Vec::new(),
            user_id: None,
            enrollment_id: None,
            fields: Vec::new(),
            usage: None,
        };
        match subject {
            Subject::Devices(ids) => event.device_ids = ids.iter().map(|id| id.0).collect(),
            Subject::User(id) => event.user_id = Some(id.0),
            Subject::Enrollment(id) => event.enrollment_id = Some(id.0),
        }
        event
    }

    /// Adds the names of the fields that an update changed.
    pub(crate) fn with_fields(mut self, names: Vec<&'static str>) -> Self {
        self.fields = names;
        self
    }

    /// Adds the change of a number of the workspace, which is recorded by the same statement.
    pub(crate) fn with_usage(mut self, resource: Resource, change: i64) -> Self {
        self.usage = (change != 0).then_some(UsageChange { resource, change });
        self
    }

    /// Inserts the event. Returns the marker of the transaction.
    pub(crate) fn insert(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        origin: &Origin,
    ) -> QueryResult<CommitMarker> {
        // A CTE, because Citus rejects the transaction id in RETURNING.
        let inserted: InsertedRow = diesel::sql_query(
            "WITH event AS ( \
                 INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids, \
                                            user_id, enrollment_id, fields, \
                                            client_request_id) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id \
             ), usage AS ( \
                 INSERT INTO usage_changes (workspace_id, resource, change) \
                 SELECT $1, $10, $11 WHERE $11 <> 0 \
             ) \
             SELECT id, pg_current_xact_id()::text AS transaction_id FROM event",
        )
        .bind::<BigInt, _>(workspace.0)
        .bind::<Text, _>(self.action.as_str())
        .bind::<BigInt, _>(origin.key.0)
        .bind::<Text, _>(&origin.request_id)
        .bind::<Array<BigInt>, _>(&self.device_ids)
        .bind::<Nullable<BigInt>, _>(self.user_id)
        .bind::<Nullable<BigInt>, _>(self.enrollment_id)
        .bind::<Array<Text>, _>(self.fields)
        .bind::<Nullable<Text>, _>(origin.client_request_id.as_deref())
        .bind::<Nullable<Text>, _>(self.usage.map(|usage| usage.resource.as_str()))
        .bind::<BigInt, _>(self.usage.map_or(0, |usage| usage.change))
        .get_result(connection)?;
        Ok(CommitMarker {
            workspace,
            event_id: inserted.id,
            request_id: origin.request_id.clone(),
            device_ids: self.device_ids,
            transaction_id: inserted.transaction_id,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = device_events)]
struct EventRow {
    id: i64,
    workspace_id: i64,
    occurred_at: DateTime<Utc>,
    action: String,
    key_id: i64,
    request_id: String,
    client_request_id: Option<String>,
    device_ids: Vec<Option<i64>>,
    user_id: Option<i64>,
    enrollment_id: Option<i64>,
    fields: Vec<Option<String>>,
}

impl TryFrom<EventRow> for Event {
    type Error = RepositoryError;

    fn try_from(row: EventRow) -> Result<Self, Self::Error> {
        let action = Action::from_name(&row.action);
        Ok(Self {
            id: EventId(row.id),
            workspace_id: WorkspaceId(row.workspace_id),
            occurred_at: row.occurred_at,
            action: action
                .ok_or_else(|| RepositoryError::Failed("an event has an unknown action".into()))?,
            key_id: KeyId(row.key_id),
            request_id: row.request_id,
            client_request_id: row.client_request_id,
            device_ids: row.device_ids.into_iter().flatten().map(DeviceId).collect(),
            user_id: row.user_id.map(UserId),
            enrollment_id: row.enrollment_id.map(EnrollmentId),
            fields: row.fields.into_iter().flatten().collect(),
        })
    }
}

/// Maximum number of events per call of [`list`](EventRepository::list).
const PAGE_SIZE: i64 = 1_000;

#[async_trait]
impl EventRepository for PostgresEvents {
    async fn list(
        &self,
        workspace: WorkspaceId,
        filter: EventFilter,
    ) -> Result<Vec<Event>, RepositoryError> {
        let mut query = device_events::table
            .filter(device_events::workspace_id.eq(workspace.0))
            .order(device_events::id)
            .limit(PAGE_SIZE)
            .select(EventRow::as_select())
            .into_boxed();
        if let Some(since) = filter.since {
            query = query.filter(device_events::occurred_at.ge(since));
        }
        if let Some(device) = filter.device {
            query = query.filter(device_events::device_ids.contains(vec![Some(device.0)]));
        }
        if let Some(after) = filter.after {
            query = query.filter(device_events::id.gt(after.0));
        }
        let rows: Vec<EventRow> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        rows.into_iter().map(Event::try_from).collect()
    }
}
