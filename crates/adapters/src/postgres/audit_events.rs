//! The audit trail: `device_events` has the changes that requests make, `audit_events` has
//! administration and exports. Their ids come from one sequence.

use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Action, Author, BatchId, DeviceId, EnrollmentId, Event, EventFilter, EventId, EventRepository,
    Interface, KeyId, Operator, Origin, RepositoryError, Subject, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::prepared::{PreparedSql, prepared};
use crate::postgres::query::statement::{IdRow, Statement, Value};
use crate::postgres::schema::tables::audit_events;
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
    api_key_id: Option<i64>,
    fields: Vec<&'static str>,
    usage: Option<UsageChange>,
    item_count: Option<i64>,
}

impl NewEvent {
    pub(crate) fn new(action: Action, subject: Subject) -> Self {
        let mut event = Self {
            action,
            device_ids: Vec::new(),
            user_id: None,
            enrollment_id: None,
            api_key_id: None,
            fields: Vec::new(),
            usage: None,
            item_count: None,
        };
        match subject {
            Subject::Devices(ids) => event.device_ids = ids.iter().map(|id| id.0).collect(),
            Subject::User(id) => event.user_id = Some(id.0),
            Subject::Enrollment(id) => event.enrollment_id = Some(id.0),
            Subject::Key(id) => event.api_key_id = Some(id.0),
            Subject::Workspace => {}
        }
        event
    }

    /// Adds the names of the changed fields, or of the filters of an export.
    pub(crate) fn with_fields(mut self, names: Vec<&'static str>) -> Self {
        self.fields = names;
        self
    }

    /// Adds the change of a number of the workspace, which is recorded by the same statement.
    pub(crate) fn with_usage(mut self, resource: Resource, change: i64) -> Self {
        self.usage = (change != 0).then_some(UsageChange { resource, change });
        self
    }

    /// Adds the number of exported or purged objects.
    pub(crate) fn with_count(mut self, count: Option<u64>) -> Self {
        self.item_count = count.and_then(|count| i64::try_from(count).ok());
        self
    }

    /// Inserts an event of administration or of an export.
    pub(crate) fn insert_audit_event(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        author: &Author,
    ) -> QueryResult<()> {
        let (origin, operator) = match author {
            Author::Request(origin) => (Some(origin), None),
            Author::Command(operator) => (None, Some(operator.as_str())),
        };
        let client_request_id = origin.and_then(|origin| origin.client_request_id.as_deref());
        diesel::insert_into(audit_events::table)
            .values((
                audit_events::workspace_id.eq(workspace.0),
                audit_events::action.eq(self.action.as_str()),
                audit_events::key_id.eq(origin.map(|origin| origin.key.0)),
                audit_events::request_id.eq(origin.map(|origin| origin.request_id.as_str())),
                audit_events::client_request_id.eq(client_request_id),
                audit_events::interface.eq(origin.and_then(interface_column)),
                audit_events::operator.eq(operator),
                audit_events::device_ids.eq(self.device_ids),
                audit_events::user_id.eq(self.user_id),
                audit_events::enrollment_id.eq(self.enrollment_id),
                audit_events::api_key_id.eq(self.api_key_id),
                audit_events::fields.eq(self.fields),
                audit_events::item_count.eq(self.item_count),
            ))
            .execute(connection)?;
        self.usage
            .map_or(Ok(()), |usage| usage.record(connection, workspace))
    }

    /// Inserts an event of a change by a request. Returns the marker of the transaction.
    pub(crate) fn insert_change_event(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        origin: &Origin,
    ) -> QueryResult<CommitMarker> {
        static INSERT: LazyLock<String> = LazyLock::new(|| {
            with_event(
                "SELECT true AS is_changed",
                &format!("SELECT {EVENT_ID} AS id FROM changed"),
            )
        });
        let query = self.bind_to(prepared(INSERT.as_str()), workspace, origin);
        let event: IdRow = query.get_result(connection)?;
        Ok(self.marker(workspace, origin, event.id))
    }

    /// Binds the parameters of [`with_event`].
    pub(crate) fn bind_to<'q>(
        &'q self,
        query: PreparedSql<'q>,
        workspace: WorkspaceId,
        origin: &'q Origin,
    ) -> PreparedSql<'q> {
        query
            .bind::<BigInt, _>(workspace.0)
            .bind::<Text, _>(self.action.as_str())
            .bind::<BigInt, _>(origin.key.0)
            .bind::<Text, _>(&origin.request_id)
            .bind::<Array<BigInt>, _>(&self.device_ids)
            .bind::<Nullable<BigInt>, _>(self.user_id)
            .bind::<Nullable<BigInt>, _>(self.enrollment_id)
            .bind::<Array<Text>, _>(&self.fields)
            .bind::<Nullable<Text>, _>(origin.client_request_id.as_deref())
            .bind::<Nullable<Text>, _>(self.usage.map(|usage| usage.resource.as_str()))
            .bind::<BigInt, _>(self.usage.map_or(0, |usage| usage.change))
            .bind::<Nullable<Text>, _>(interface_column(origin))
    }

    /// Returns the marker of the transaction that inserted this event.
    pub(crate) fn marker(
        &self,
        workspace: WorkspaceId,
        origin: &Origin,
        event_id: i64,
    ) -> CommitMarker {
        CommitMarker {
            workspace,
            event_id,
            key_id: origin.key.0,
            request_id: origin.request_id.clone(),
            device_ids: self.device_ids.clone(),
            backend_pid: None,
        }
    }
}

/// Returns the value of the column `interface`: `None` for the API, from which most events come.
pub(crate) fn interface_column(origin: &Origin) -> Option<&'static str> {
    match origin.interface {
        Interface::Api => None,
        interface @ Interface::Console => Some(interface.as_str()),
    }
}

/// Returns the interface of an event with this key and this value of the column `interface`.
pub(crate) fn parse_interface(
    key: Option<i64>,
    stored: Option<&str>,
) -> Result<Option<Interface>, RepositoryError> {
    let Some(stored) = stored else {
        return Ok(key.map(|_| Interface::Api));
    };
    let interface = Interface::from_name(stored);
    interface
        .map(Some)
        .ok_or_else(|| RepositoryError::Failed("an event has an unknown interface".into()))
}

/// Number of the first parameter after those of [`NewEvent::bind_to`].
pub(crate) const FIRST_PARAMETER: usize = 13;

/// Id of the inserted event, for a SELECT beside [`with_event`]'s CTEs.
pub(crate) const EVENT_ID: &str = "(SELECT id FROM event)";

/// Returns a statement that makes a change together with its event and its usage change.
///
/// `change` is the statement that makes the change, followed by further CTEs, if any. They read its
/// result as `changed`. If that has no row, no event is inserted. `result` is the final SELECT.
/// `$1` is the workspace, and the parameters up to `$12` belong to the event.
pub(crate) fn with_event(change: &str, result: &str) -> String {
    with_event_columns(["", ""], change, result)
}

/// Like [`with_event`], for the change of a row. The event occurs at the parameter `time`, the new
/// `updated_at` of the row: it rises with every change of the row, so the event feed has the
/// changes of the row in their order. The time at which a transaction began does not: it may have
/// waited for the lock of the row.
pub(crate) fn with_event_at(time: &str, change: &str, result: &str) -> String {
    let value = format!(", {time}");
    with_event_columns([", occurred_at", &value], change, result)
}

/// Like [`with_event_at`], with an id that was reserved: the parameter `id`.
pub(crate) fn with_event_of_id(id: &str, time: &str, change: &str, result: &str) -> String {
    let values = format!(", {id}, {time}");
    with_event_columns([", id, occurred_at", &values], change, result)
}

/// Returns the statement of [`with_event`], whose event has further columns with these values.
fn with_event_columns([columns, values]: [&str; 2], change: &str, result: &str) -> String {
    format!(
        "WITH changed AS ({change}), event AS ( \
             INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids, \
                                        user_id, enrollment_id, fields, \
                                        client_request_id, interface{columns}) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $12{values} WHERE EXISTS (SELECT FROM changed) \
             RETURNING id \
         ), usage AS ( \
             INSERT INTO usage_changes (workspace_id, resource, change) \
             SELECT $1, $10, $11 WHERE $11 <> 0 AND EXISTS (SELECT FROM changed) \
         ) {result}"
    )
}

#[derive(QueryableByName)]
struct EventRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    key_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    client_request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    interface: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    operator: Option<String>,
    #[diesel(sql_type = Array<BigInt>)]
    device_ids: Vec<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    enrollment_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    api_key_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    batch_id: Option<i64>,
    #[diesel(sql_type = Array<Text>)]
    fields: Vec<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    item_count: Option<i64>,
}

impl EventRow {
    fn into_event(self, workspace_id: WorkspaceId) -> Result<Event, RepositoryError> {
        let action = Action::from_name(&self.action);
        Ok(Event {
            id: EventId(self.id),
            workspace_id,
            occurred_at: self.occurred_at,
            action: action
                .ok_or_else(|| RepositoryError::Failed("an event has an unknown action".into()))?,
            key_id: self.key_id.map(KeyId),
            request_id: self.request_id,
            client_request_id: self.client_request_id,
            interface: parse_interface(self.key_id, self.interface.as_deref())?,
            operator: self.operator.as_deref().map(Operator::new),
            device_ids: self.device_ids.into_iter().map(DeviceId).collect(),
            user_id: self.user_id.map(UserId),
            enrollment_id: self.enrollment_id.map(EnrollmentId),
            api_key_id: self.api_key_id.map(KeyId),
            batch_id: self.batch_id.map(BatchId),
            fields: self.fields,
            item_count: self.item_count.map(i64::unsigned_abs),
        })
    }
}

/// Maximum number of events per call of [`list`](EventRepository::list).
const PAGE_SIZE: i64 = 1_000;

/// Returns the statement that lists the next page of both tables.
fn page(workspace: WorkspaceId, filter: &EventFilter) -> Statement {
    let mut page = Statement::default();
    let id = page.bind(Value::Integer(workspace.0));
    page.push(&format!(
        "SELECT * FROM ( \
             SELECT id, occurred_at, action, key_id, request_id, client_request_id, \
                    interface, NULL AS operator, device_ids, user_id, enrollment_id, \
                    NULL::bigint AS api_key_id, batch_id, fields, \
                    NULL::bigint AS item_count \
             FROM device_events WHERE device_events.workspace_id = {id} \
             UNION ALL \
             SELECT id, occurred_at, action, key_id, request_id, client_request_id, \
                    interface, operator, device_ids, user_id, enrollment_id, api_key_id, \
                    NULL::bigint AS batch_id, fields, item_count \
             FROM audit_events WHERE audit_events.workspace_id = {id} \
         ) AS event WHERE true"
    ));
    page.push_and_since("occurred_at", filter.since);
    if let Some(device) = filter.device {
        let device = page.bind(Value::Integer(device.0));
        page.push(&format!(" AND device_ids @> ARRAY[{device}]"));
    }
    if let Some(user) = filter.user {
        page.push_and_equal("user_id", Value::Integer(user.0));
    }
    if let Some(key) = filter.key {
        let key = page.bind(Value::Integer(key.0));
        page.push(&format!(" AND {key} IN (key_id, api_key_id)"));
    }
    if let Some(action) = filter.action {
        page.push_and_equal("action", Value::Text(action.as_str().to_owned()));
    }
    if let Some(after) = filter.after {
        let after = page.bind(Value::Integer(after.0));
        page.push(&format!(" AND id > {after}"));
    }
    page.push(&format!(" ORDER BY id LIMIT {PAGE_SIZE}"));
    page
}

#[async_trait]
impl EventRepository for PostgresEvents {
    async fn list(
        &self,
        workspace: WorkspaceId,
        filter: EventFilter,
    ) -> Result<Vec<Event>, RepositoryError> {
        let page = page(workspace, &filter);
        let rows: Vec<EventRow> = self
            .database
            .run(move |connection| page.load(connection).map_err(classify))
            .await?;
        rows.into_iter()
            .map(|row| row.into_event(workspace))
            .collect()
    }
}
