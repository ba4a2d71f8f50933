//! The newest events, for people.

use chrono::{DateTime, Utc};
use devices_domain::{
    BatchId, DeviceId, EventId, EventType, KeyId, RecentEvent, RecentPage, RecentRequest,
    RepositoryError, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};

use super::page::{event_type, type_condition};
use crate::postgres::query::local_settings::in_index_order;
use crate::postgres::query::statement::{IdRow, Statement, Value};

/// Loads a page. The inner error is that of an event that cannot be interpreted.
pub(super) fn load(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    request: RecentRequest,
) -> QueryResult<Result<RecentPage, RepositoryError>> {
    in_index_order(connection, |connection| {
        let mut rows: Vec<RecentRow> = statement(workspace, request).load(connection)?;
        let limit = request.limit as usize;
        let next = if rows.len() > limit {
            rows.truncate(limit);
            rows.last().map(|row| row.id)
        } else {
            end_of_span(workspace, request)
                .load(connection)?
                .first()
                .map(|row: &IdRow| row.id)
        };
        let events: Result<_, _> = rows.into_iter().map(RecentRow::into_event).collect();
        Ok(events.map(|events| RecentPage {
            events,
            next: next.map(EventId),
        }))
    })
}

/// Appends the newest events before the page, at most as many as a page reads.
fn push_span(statement: &mut Statement, workspace: WorkspaceId, request: RecentRequest) -> String {
    let workspace = statement.bind(Value::Integer(workspace.0));
    let before = request.before.map_or(i64::MAX, |event| event.0);
    let before = statement.bind(Value::Integer(before));
    let span = RecentPage::MAX_SPAN;
    statement.push(&format!(
        "SELECT * FROM device_events \
         WHERE device_events.workspace_id = {workspace} AND device_events.id < {before} \
         ORDER BY device_events.id DESC LIMIT {span}"
    ));
    workspace
}

/// Returns the statement that selects the events of a page.
fn statement(workspace: WorkspaceId, request: RecentRequest) -> Statement {
    let mut page = Statement::default();
    let workspace = push_span(&mut page, workspace, request);
    let span = page.take_text();
    // One more shows whether others follow.
    let limit = page.bind(Value::Integer(i64::from(request.limit) + 1));
    let condition = request.event_type.map_or("", type_condition);
    page.push(&format!(
        "SELECT event.*, \
                (SELECT name FROM api_keys \
                 WHERE api_keys.workspace_id = {workspace} AND api_keys.id = event.key_id) \
                    AS key_name, \
                (SELECT name FROM devices \
                 WHERE devices.workspace_id = {workspace} AND devices.id = event.device_id) \
                    AS device_name, \
                (SELECT email FROM users \
                 WHERE users.workspace_id = {workspace} AND users.id = event.user_id \
                   AND users.deleted_at IS NULL) AS user_email, \
                (SELECT serial_number FROM devices_mdm \
                 WHERE devices_mdm.workspace_id = {workspace} \
                   AND devices_mdm.id = event.enrollment_id \
                   AND devices_mdm.deleted_at IS NULL) AS enrollment_serial_number \
         FROM ( \
             SELECT id, occurred_at, action, batch_id, user_id, enrollment_id, fields, key_id, \
                    cardinality(device_ids) AS device_count, \
                    CASE WHEN cardinality(device_ids) = 1 THEN device_ids[1] END AS device_id \
             FROM ({span}) AS span WHERE true{condition}"
    ));
    if let Some(key) = request.key {
        page.push_and_equal("key_id", Value::Integer(key.0));
    }
    page.push(&format!(
        " ORDER BY id DESC LIMIT {limit}) AS event ORDER BY event.id DESC"
    ));
    page
}

/// Returns the statement that selects the oldest event of a span that is not the last one.
fn end_of_span(workspace: WorkspaceId, request: RecentRequest) -> Statement {
    let mut end = Statement::default();
    push_span(&mut end, workspace, request);
    let span = end.take_text();
    let last = RecentPage::MAX_SPAN - 1;
    end.push(&format!(
        "SELECT id FROM ({span}) AS span ORDER BY id DESC OFFSET {last}"
    ));
    end
}

#[derive(QueryableByName)]
struct RecentRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    batch_id: Option<i64>,
    #[diesel(sql_type = Integer)]
    device_count: i32,
    #[diesel(sql_type = Nullable<BigInt>)]
    device_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    device_name: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    user_email: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    enrollment_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    enrollment_serial_number: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    fields: Vec<String>,
    #[diesel(sql_type = BigInt)]
    key_id: i64,
    #[diesel(sql_type = Text)]
    key_name: String,
}

impl RecentRow {
    fn into_event(self) -> Result<RecentEvent, RepositoryError> {
        let event_type = event_type(&self.action, self.user_id, self.enrollment_id)?;
        // The number of a batch without options is the id of its event.
        let is_batch = event_type == EventType::DeviceCreated;
        let batch = self.batch_id.or(is_batch.then_some(self.id));
        Ok(RecentEvent {
            id: EventId(self.id),
            event_type,
            occurred_at: self.occurred_at,
            batch: batch.map(BatchId),
            device_count: u64::from(self.device_count.unsigned_abs()),
            device: self.device_id.map(DeviceId),
            device_name: self.device_name,
            user: self.user_id.map(UserId),
            user_email: self.user_email,
            enrollment_serial_number: self.enrollment_serial_number,
            fields: self.fields,
            key: KeyId(self.key_id),
            key_name: self.key_name,
        })
    }
}
