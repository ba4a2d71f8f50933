//! Histories of single objects.
//!
//! Each part of a history is read through an index of its own (migration 000039). The batch that
//! created a device has no entry in them: it has the time at which the device was created.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Action, AuditEntry, AuditTrail, BatchId, EventId, HistorySubject, KeyId, Operator,
    RepositoryError, WorkspaceId,
};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};

use crate::postgres::audit_events::parse_interface;
use crate::postgres::connection::database::Database;
use crate::postgres::query::local_settings::with_settings;
use crate::postgres::query::statement::{Statement, Value};

/// The histories of one workspace, in PostgreSQL.
pub(crate) struct PostgresAuditTrail {
    database: Database,
    workspace: WorkspaceId,
}

impl PostgresAuditTrail {
    pub(crate) fn new(database: Database, workspace: WorkspaceId) -> Self {
        Self {
            database,
            workspace,
        }
    }
}

#[async_trait]
impl AuditTrail for PostgresAuditTrail {
    async fn history(
        &self,
        subject: HistorySubject,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, RepositoryError> {
        // The planner expects a workspace to have few events, and could read all of them.
        const SETTINGS: &str = "SET LOCAL enable_seqscan = off";
        let statement = history(self.workspace, subject, before, limit);
        let rows: Vec<EntryRow> = self
            .database
            .query(move |connection| {
                with_settings(SETTINGS, connection, |connection| {
                    statement.load(connection)
                })
            })
            .await?;
        rows.into_iter().map(EntryRow::into_entry).collect()
    }
}

/// Returns the statement that selects a page of a history.
fn history(
    workspace: WorkspaceId,
    subject: HistorySubject,
    before: Option<EventId>,
    limit: u32,
) -> Statement {
    let mut history = Statement::default();
    let workspace = history.bind(Value::Integer(workspace.0));
    let before = before.map_or(i64::MAX, |event| event.0);
    let before = history.bind(Value::Integer(before));
    let limit = history.bind(Value::Integer(limit.into()));
    let id = history.bind(Value::Integer(match subject {
        HistorySubject::Device(id) => id.0,
        HistorySubject::User(id) => id.0,
        HistorySubject::Enrollment(id) => id.0,
        HistorySubject::Key(id) => id.0,
    }));
    let part = |table: &str, condition: &str| {
        format!(
            "(SELECT {} FROM {table} WHERE {table}.workspace_id = {workspace} \
                 AND {table}.id < {before} AND {condition} \
              ORDER BY {table}.id DESC LIMIT {limit})",
            columns(table)
        )
    };
    // The index of lists is not in the order of the events. OFFSET 0 makes the planner use it all
    // the same: it may otherwise read all events in the order of their ids. The sort has long lists
    // as references to their TOAST rows, and only those of the page are read.
    let listing = |table: &str, condition: &str| {
        let own_column = if table == CHANGES {
            "batch_id"
        } else {
            "operator"
        };
        format!(
            "(SELECT {} FROM (SELECT * FROM ( \
                 SELECT id, occurred_at, action, key_id, request_id, client_request_id, interface, \
                        device_ids, fields, {own_column} \
                 FROM {table} WHERE {table}.workspace_id = {workspace} \
                   AND {condition} AND device_ids @> ARRAY[{id}] \
                   AND {table}.id < {before} OFFSET 0 \
              ) AS matching ORDER BY id DESC LIMIT {limit}) AS listed)",
            columns(table)
        )
    };
    let both =
        |condition: String| vec![part(CHANGES, &condition), part(ADMINISTRATION, &condition)];
    let parts = match subject {
        HistorySubject::Device(_) => vec![
            part(
                CHANGES,
                &format!("{OF_ONE_DEVICE} AND device_ids[1] = {id}"),
            ),
            listing(CHANGES, OF_DEVICES),
            listing(ADMINISTRATION, "cardinality(device_ids) > 0"),
            creation(&workspace, &id, &before),
        ],
        HistorySubject::User(_) => both(format!("user_id = {id}")),
        HistorySubject::Enrollment(_) => both(format!("enrollment_id = {id}")),
        HistorySubject::Key(_) => vec![part(ADMINISTRATION, &format!("api_key_id = {id}"))],
    };
    history.push(&format!(
        "SELECT entry.*, api_key.name AS key_name \
         FROM (SELECT * FROM ({}) AS event ORDER BY id DESC LIMIT {limit}) AS entry \
         LEFT JOIN LATERAL ( \
             SELECT api_keys.name FROM api_keys \
             WHERE api_keys.workspace_id = {workspace} AND api_keys.id = entry.key_id LIMIT 1 \
         ) AS api_key ON true \
         ORDER BY entry.id DESC",
        parts.join(" UNION ALL ")
    ));
    history
}

/// Changes by requests.
const CHANGES: &str = "device_events";

/// Administration and exports.
const ADMINISTRATION: &str = "audit_events";

/// Predicates of the indexes of changes.
const OF_ONE_DEVICE: &str = "cardinality(device_ids) = 1 AND action <> 'CREATED'";
const OF_DEVICES: &str = "cardinality(device_ids) > 1 AND action <> 'CREATED'";

/// Returns the SELECT of the event that created a device. The LATERAL keeps the planner from
/// comparing the events with all devices.
fn creation(workspace: &str, device: &str, before: &str) -> String {
    format!(
        "(SELECT event.* FROM ( \
             SELECT devices.created_at FROM devices \
             WHERE devices.workspace_id = {workspace} AND devices.id = {device}) AS device \
          CROSS JOIN LATERAL ( \
             SELECT {} FROM device_events \
             WHERE device_events.workspace_id = {workspace} \
               AND device_events.occurred_at = device.created_at \
               AND action = 'CREATED' AND device_ids @> ARRAY[{device}] \
               AND device_events.id < {before} LIMIT 1) AS event)",
        columns(CHANGES)
    )
}

/// Returns the columns of an event of a table.
fn columns(table: &str) -> String {
    let (operator, batch) = if table == CHANGES {
        // The number of a batch without options is the id of its event.
        let is_batch = "action = 'CREATED' AND cardinality(device_ids) > 0";
        let batch = format!("coalesce(batch_id, CASE WHEN {is_batch} THEN id END)");
        ("NULL", batch)
    } else {
        ("operator", "NULL::bigint".to_owned())
    };
    format!(
        "id, occurred_at, action, key_id, request_id, client_request_id, interface, {operator} AS operator, \
         cardinality(device_ids) AS device_count, {batch} AS batch_id, fields"
    )
}

#[derive(QueryableByName)]
struct EntryRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    key_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    key_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    client_request_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    interface: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    operator: Option<String>,
    #[diesel(sql_type = Integer)]
    device_count: i32,
    #[diesel(sql_type = Nullable<BigInt>)]
    batch_id: Option<i64>,
    #[diesel(sql_type = Array<Text>)]
    fields: Vec<String>,
}

impl EntryRow {
    fn into_entry(self) -> Result<AuditEntry, RepositoryError> {
        let action = Action::from_name(&self.action);
        Ok(AuditEntry {
            id: EventId(self.id),
            occurred_at: self.occurred_at,
            action: action
                .ok_or_else(|| RepositoryError::Failed("an event has an unknown action".into()))?,
            key: self.key_id.map(KeyId),
            key_name: self.key_name,
            operator: self.operator.as_deref().map(Operator::new),
            request_id: self.request_id,
            client_request_id: self.client_request_id,
            interface: parse_interface(self.key_id, self.interface.as_deref())?,
            batch: self.batch_id.map(BatchId),
            device_count: u64::from(self.device_count.unsigned_abs()),
            fields: self.fields,
        })
    }
}
