//! The tables with rows of a workspace, and how their rows are deleted in batches.

use devices_domain::WorkspaceId;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::postgres::devices::lock_search_index;
use crate::postgres::idempotency_keys;

/// A table with rows of workspaces.
#[derive(Debug, Clone, Copy)]
pub(super) struct TenantTable {
    pub(super) name: &'static str,
    rows: Rows,
}

/// Way in which the rows of a workspace are divided into batches.
#[derive(Debug, Clone, Copy)]
enum Rows {
    /// Ranges of this column, which an index has after `workspace_id`. A range reads no row that an
    /// earlier one has deleted.
    ById(&'static str),
    /// Like `ById`, while no device is moved from the queue to the search index.
    Indexed(&'static str),
    /// Stored responses of idempotent requests, which can take a megabyte each.
    Responses,
    /// At most a few rows per workspace.
    Few,
}

/// Tables whose rows are deleted in batches, in this order: a row precedes the row that it
/// references.
pub(super) const BATCHED: [TenantTable; 14] = [
    TenantTable::new("search_queue", Rows::Indexed("id")),
    TenantTable::new("search_documents", Rows::Indexed("device_id")),
    TenantTable::new("devices", Rows::Indexed("id")),
    TenantTable::new("devices_mdm", Rows::ById("id")),
    TenantTable::new("users", Rows::ById("id")),
    TenantTable::new("idempotency_keys", Rows::Responses),
    TenantTable::new("batches", Rows::ById("id")),
    TenantTable::new("device_events", Rows::ById("id")),
    TenantTable::new("event_feeds", Rows::Few),
    TenantTable::new("console_sessions", Rows::ById("key_id")),
    TenantTable::new("rate_limits", Rows::ById("key_id")),
    TenantTable::new("workspace_rate_limits", Rows::Few),
    TenantTable::new("usage_changes", Rows::ById("id")),
    TenantTable::new("usage_counts", Rows::Few),
];

/// The audit trail. Its event of the deletion is deleted with the workspace.
pub(super) const AUDIT_EVENTS: TenantTable = TenantTable::new("audit_events", Rows::ById("id"));

/// The keys, which events reference. They are few, and deleted with the workspace.
pub(super) const API_KEYS: TenantTable = TenantTable::new("api_keys", Rows::Few);

/// Range of ids, without its ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) after: i64,
    pub(super) before: i64,
}

/// Maximum number of rows per transaction, which locks them.
const BATCH_SIZE: usize = 500;

/// Maximum number of responses per transaction.
const RESPONSE_BATCH_SIZE: usize = 50;

/// A deleted batch.
pub(super) struct DeletedBatch {
    pub(super) deleted: usize,
    /// Start of the next batch, if there may be one.
    pub(super) next: Option<i64>,
}

#[derive(QueryableByName)]
struct EndRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
}

#[derive(QueryableByName)]
struct ResponseRow {
    #[diesel(sql_type = Text)]
    operation: String,
    #[diesel(sql_type = Text)]
    key: String,
}

impl TenantTable {
    const fn new(name: &'static str, rows: Rows) -> Self {
        Self { name, rows }
    }

    /// Deletes the first batch of the workspace in a range of ids.
    pub(super) fn delete_batch(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        range: Range,
    ) -> QueryResult<DeletedBatch> {
        match self.rows {
            Rows::ById(id) => self.delete_range(connection, workspace, id, range),
            Rows::Indexed(id) => {
                lock_search_index(connection, workspace)?;
                self.delete_range(connection, workspace, id, range)
            }
            Rows::Responses => delete_responses(connection, workspace),
            Rows::Few => Ok(DeletedBatch {
                deleted: self.delete_all(connection, workspace)?,
                next: None,
            }),
        }
    }

    /// Deletes the rows with the lowest ids of a range.
    fn delete_range(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        id: &str,
        range: Range,
    ) -> QueryResult<DeletedBatch> {
        let table = self.name;
        let end: EndRow = diesel::sql_query(format!(
            "SELECT max(batch.id) AS last FROM ( \
                 SELECT {id} AS id FROM {table} WHERE {table}.workspace_id = $1 AND {id} > $2 \
                   AND {id} < $3 ORDER BY {id} LIMIT {BATCH_SIZE} \
             ) AS batch"
        ))
        .bind::<BigInt, _>(workspace.0)
        .bind::<BigInt, _>(range.after)
        .bind::<BigInt, _>(range.before)
        .get_result(connection)?;
        let Some(last) = end.last else {
            return Ok(DeletedBatch {
                deleted: 0,
                next: None,
            });
        };
        let deleted = diesel::sql_query(format!(
            "DELETE FROM {table} WHERE {table}.workspace_id = $1 AND {id} > $2 AND {id} <= $3"
        ))
        .bind::<BigInt, _>(workspace.0)
        .bind::<BigInt, _>(range.after)
        .bind::<BigInt, _>(last)
        .execute(connection)?;
        Ok(DeletedBatch {
            deleted,
            next: Some(last),
        })
    }

    /// Returns whether a workspace has at most a few rows in the table.
    pub(super) fn is_small(self) -> bool {
        matches!(self.rows, Rows::Few)
    }

    /// Deletes all rows of the workspace.
    pub(super) fn delete_all(
        self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> QueryResult<usize> {
        let table = self.name;
        diesel::sql_query(format!(
            "DELETE FROM {table} WHERE {table}.workspace_id = $1"
        ))
        .bind::<BigInt, _>(workspace.0)
        .execute(connection)
    }
}

fn delete_responses(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<DeletedBatch> {
    let responses: Vec<ResponseRow> = diesel::sql_query(format!(
        "SELECT operation, key FROM idempotency_keys \
         WHERE idempotency_keys.workspace_id = $1 ORDER BY operation, key \
         LIMIT {RESPONSE_BATCH_SIZE}"
    ))
    .bind::<BigInt, _>(workspace.0)
    .load(connection)?;
    let is_last = responses.len() < RESPONSE_BATCH_SIZE;
    let (operations, keys) = responses
        .into_iter()
        .map(|row| (row.operation, row.key))
        .unzip();
    Ok(DeletedBatch {
        deleted: idempotency_keys::delete(connection, workspace, operations, keys)?,
        next: (!is_last).then_some(0),
    })
}
