//! Reads batches.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use devices_domain::{
    BatchFilter, BatchId, KeyId, LastUndo, NamedKey, OnConflict, Page, PageRequest, RowCounts,
    StoredBatch, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz};

use super::IS_FIRST_EVENT;
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::statement::{Statement, Value};

#[derive(QueryableByName)]
struct BatchRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    key_id: i64,
    #[diesel(sql_type = Text)]
    key_name: String,
    #[diesel(sql_type = Text)]
    request_id: String,
    #[diesel(sql_type = Text)]
    on_conflict: String,
    #[diesel(sql_type = Bool)]
    is_atomic: bool,
    /// Numbers of all rows, and of those that were created, updated, unchanged, skipped and failed.
    #[diesel(sql_type = Array<Integer>)]
    counts: Vec<i32>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    undone_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    undone_key_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    undone_key_name: Option<String>,
}

impl BatchRow {
    fn into_batch(self) -> QueryResult<StoredBatch> {
        let invalid = |what: &str| DieselError::DeserializationError(what.into());
        let counts: [i32; 6] = self
            .counts
            .try_into()
            .map_err(|_| invalid("a batch has a wrong number of counts"))?;
        let [rows, created, updated, unchanged, skipped, failed] = counts.map(i32::unsigned_abs);
        let undone = (self.undone_at, self.undone_key_id, self.undone_key_name);
        Ok(StoredBatch {
            id: BatchId(self.id),
            created_at: self.occurred_at,
            key: named_key(self.key_id, self.key_name),
            request_id: self.request_id,
            on_conflict: OnConflict::from_name(&self.on_conflict)
                .ok_or_else(|| invalid("a batch has an unknown option"))?,
            is_atomic: self.is_atomic,
            counts: RowCounts {
                rows,
                created,
                updated,
                unchanged,
                skipped,
                failed,
            },
            undone: match undone {
                (Some(at), Some(id), Some(name)) => Some(LastUndo {
                    at,
                    key: named_key(id, name),
                }),
                _ => None,
            },
        })
    }
}

fn named_key(id: i64, name: String) -> NamedKey {
    NamedKey {
        id: KeyId(id),
        name,
    }
}

/// Statement that selects the batches `$2` of the workspace `$1`.
///
/// OFFSET 0 makes the planner find the undos of a batch by its number, and sort them after that. It
/// may otherwise read all newer events in the order of their ids.
static SELECT: LazyLock<String> = LazyLock::new(|| {
    let name_of = |key: &str| {
        format!(
            "(SELECT api_keys.name FROM api_keys \
              WHERE api_keys.workspace_id = $1 AND api_keys.id = {key})"
        )
    };
    format!(
        "SELECT first.id, first.occurred_at, first.key_id, {key_name} AS key_name, \
             first.request_id, coalesce(options.on_conflict, 'error') AS on_conflict, \
             coalesce(options.is_atomic, true) AS is_atomic, \
             coalesce(options.counts, \
                      ARRAY[first.device_count, first.device_count, 0, 0, 0, 0]) AS counts, \
             undone.occurred_at AS undone_at, undone.key_id AS undone_key_id, \
             {undone_key_name} AS undone_key_name \
         FROM unnest($2) AS requested (id) \
         CROSS JOIN LATERAL ( \
             SELECT id, occurred_at, key_id, request_id, cardinality(device_ids) AS device_count \
             FROM device_events \
             WHERE device_events.workspace_id = $1 AND device_events.id = requested.id \
               AND {IS_FIRST_EVENT} LIMIT 1 \
         ) AS first \
         LEFT JOIN LATERAL ( \
             SELECT on_conflict, is_atomic, \
                    ARRAY[row_count, created_count, updated_count, unchanged_count, \
                          skipped_count, failed_count] AS counts \
             FROM batches \
             WHERE batches.workspace_id = $1 AND batches.id = requested.id LIMIT 1 \
         ) AS options ON true \
         LEFT JOIN LATERAL ( \
             SELECT occurred_at, key_id FROM ( \
                 SELECT id, occurred_at, key_id FROM device_events \
                 WHERE device_events.workspace_id = $1 \
                   AND device_events.batch_id = requested.id \
                   AND device_events.action = 'UNDONE' OFFSET 0 \
             ) AS undone ORDER BY undone.id DESC LIMIT 1 \
         ) AS undone ON true",
        key_name = name_of("first.key_id"),
        undone_key_name = name_of("undone.key_id"),
    )
});

/// Loads batches in the order of `ids`. Omits unknown ids.
fn load(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: &[i64],
) -> QueryResult<Vec<StoredBatch>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<BatchRow> = diesel::sql_query(SELECT.as_str())
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(ids)
        .load(connection)?;
    let mut batches = HashMap::with_capacity(rows.len());
    for row in rows {
        batches.insert(row.id, row.into_batch()?);
    }
    Ok(ids.iter().filter_map(|id| batches.remove(id)).collect())
}

/// Finds a batch by its number.
pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: BatchId,
) -> QueryResult<Option<StoredBatch>> {
    Ok(load(connection, workspace, &[batch.0])?.pop())
}

/// Lists a page of the batches that match the filter.
pub(super) fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: BatchFilter,
    page: PageRequest,
) -> QueryResult<Page<StoredBatch>> {
    let page = matching(workspace, filter).page(connection, page)?;
    let batches = load(connection, workspace, &page.items)?;
    Ok(page.with_items(batches))
}

/// Returns the query for the numbers of the batches that match a filter.
fn matching(workspace: WorkspaceId, filter: BatchFilter) -> PagedQuery {
    let BatchFilter { since, key } = filter;
    let mut from = Statement::default();
    let workspace = from.bind(Value::Integer(workspace.0));
    from.push(&format!(
        " FROM device_events \
         WHERE device_events.workspace_id = {workspace} AND {IS_FIRST_EVENT}"
    ));
    from.push_and_since("device_events.occurred_at", since);
    if let Some(key) = key {
        from.push_and_equal("device_events.key_id", Value::Integer(key.0));
    }
    PagedQuery::new(from, "device_events.id")
}
