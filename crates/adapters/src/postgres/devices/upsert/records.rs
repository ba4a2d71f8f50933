//! The row of a batch with options.

use devices_domain::{BatchId, BatchOptions, RowCounts, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};

use crate::postgres::query::prepared::prepared;

/// Inserts the row of the batch. Requires its first event, which a foreign key references.
pub(super) fn insert_batch(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: BatchId,
    options: BatchOptions,
    counts: RowCounts,
) -> QueryResult<()> {
    let query = prepared(
        "INSERT INTO batches (workspace_id, id, on_conflict, is_atomic, row_count, created_count, \
                              updated_count, unchanged_count, skipped_count, failed_count) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(batch.0)
    .bind::<Text, _>(options.on_conflict.as_str())
    .bind::<Bool, _>(options.is_atomic);
    let counts = [
        counts.rows,
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.skipped,
        counts.failed,
    ];
    counts
        .into_iter()
        .fold(query, |query, count| query.bind::<Integer, _>(count as i32))
        .execute(connection)
}
