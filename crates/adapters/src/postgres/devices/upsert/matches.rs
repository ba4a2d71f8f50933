//! Finds the active devices that the rows of a batch match.

use std::collections::HashSet;

use devices_domain::{StoredMatches, UniqueField, UpsertBatch, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use crate::postgres::devices::{row_locks, select};
use crate::postgres::query::list_size::ListSize;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::statement::IdRow;

/// Locks that a look-up takes until the transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowLocks {
    None,
    /// Locks the devices for a change.
    Update,
}

/// Finds the active devices that rows match. Locks them before it reads them, if `locks` says so.
/// Uses up to three statements.
pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &UpsertBatch,
    locks: RowLocks,
) -> QueryResult<StoredMatches> {
    // The values are sorted. Sorted asset tags are not in the order of `row_locks`.
    let is_in_lock_order = batch.options().match_field == UniqueField::SerialNumber;
    let locks_of_search = if is_in_lock_order {
        locks
    } else {
        RowLocks::None
    };
    let ids = find_ids(connection, workspace, batch, locks_of_search)?;
    if ids.is_empty() {
        return Ok(StoredMatches::default());
    }
    if locks == RowLocks::Update && !is_in_lock_order {
        row_locks::lock(connection, workspace, &ids)?;
    }
    let devices = select::load(connection, workspace, &ids)?;
    Ok(StoredMatches::new(batch.options().match_field, devices))
}

/// Returns whether rows now match devices other than `matches`: other transactions have stored
/// them since.
pub(super) fn are_outdated(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &UpsertBatch,
    matches: &StoredMatches,
) -> QueryResult<bool> {
    let known: HashSet<i64> = matches.device_ids().map(|device| device.0).collect();
    let ids = find_ids(connection, workspace, batch, RowLocks::None)?;
    Ok(!ids.iter().all(|id| known.contains(id)))
}

/// Returns the ids of the devices. Locks them in the order of the match values.
fn find_ids(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &UpsertBatch,
    locks: RowLocks,
) -> QueryResult<Vec<i64>> {
    let field = batch.options().match_field;
    let values = batch.match_values();
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<IdRow> = prepared(statement(field, locks, ListSize::for_length(values.len())))
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<Text>, _>(values)
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn statement(field: UniqueField, locks: RowLocks, size: ListSize) -> String {
    let column = format!("{}_folded", field.name());
    let requested = size.rows(&[("value", "$2")]);
    let lock = match locks {
        RowLocks::None => "",
        RowLocks::Update => "FOR NO KEY UPDATE",
    };
    // LATERAL makes a nested loop over `requested`, so that devices are locked in the order of the
    // values, and the index is probed once per value. For `= ANY`, the planner would read all
    // devices of the workspace. `IS NOT NULL` repeats the condition of the index of asset tags.
    format!(
        "SELECT matched.id FROM {requested} \
         CROSS JOIN LATERAL ( \
             SELECT devices.id FROM devices \
             WHERE devices.workspace_id = $1 AND devices.{column} = requested.value \
               AND devices.{column} IS NOT NULL AND devices.deleted_at IS NULL \
             LIMIT 1 {lock} \
         ) AS matched"
    )
}
