//! Moves queued documents of a workspace to the index.

use devices_domain::{IndexedChunk, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Integer};

use super::queue::age;
use super::try_lock;

/// Indexes a chunk of a workspace in a transaction, as [`SearchIndex::index_chunk`] describes.
///
/// [`SearchIndex::index_chunk`]: devices_domain::SearchIndex::index_chunk
pub(super) fn index(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    max_bytes: usize,
) -> QueryResult<Option<IndexedChunk>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "after a lost COMMIT the devices are indexed, or still queued"
    )]
    connection.transaction(|connection| index_oldest(connection, workspace, max_bytes))
}

/// A group of devices in the queue.
#[derive(QueryableByName)]
struct QueueEntry {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Integer)]
    device_count: i32,
    /// Size of the stored documents.
    #[diesel(sql_type = Integer)]
    byte_count: i32,
    /// Time since the entry was written.
    #[diesel(sql_type = Double)]
    waited_seconds: f64,
}

fn index_oldest(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    max_bytes: usize,
) -> QueryResult<Option<IndexedChunk>> {
    if !try_lock(connection, workspace)? {
        return Ok(None);
    }
    let entries = oldest_entries(connection, workspace)?;
    let Some(first) = entries.first() else {
        return Ok(None);
    };
    let devices = match devices_within(first, max_bytes) {
        Some(count) => {
            index_part(connection, workspace, first, count)?;
            count
        }
        None => index_whole(connection, workspace, entries_within(&entries, max_bytes))?,
    };
    Ok(Some(IndexedChunk {
        devices: devices.unsigned_abs() as usize,
        waited: age(first.waited_seconds),
    }))
}

/// Returns the oldest entries of a workspace. `pg_column_size` reads the size from the TOAST
/// pointer, not the documents.
fn oldest_entries(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<Vec<QueueEntry>> {
    diesel::sql_query(
        "SELECT id, device_count, pg_column_size(documents) AS byte_count, \
             extract(epoch FROM now() - queued_at)::double precision AS waited_seconds \
         FROM search_queue WHERE search_queue.workspace_id = $1 ORDER BY id LIMIT 2000",
    )
    .bind::<BigInt, _>(workspace.0)
    .load(connection)
}

/// Returns the number of devices to take from an entry that is larger than `max_bytes`, or `None`
/// if the whole entry is to be indexed. Entries are larger if servers of a previous version wrote
/// them, or if the limit was reduced after a timeout.
fn devices_within(entry: &QueueEntry, max_bytes: usize) -> Option<i32> {
    let bytes = f64::from(entry.byte_count);
    let fraction = max_bytes as f64 / bytes;
    let is_divisible = fraction < 1.0 && entry.device_count > 1;
    is_divisible.then(|| ((f64::from(entry.device_count) * fraction) as i32).max(1))
}

/// Returns the first entries that have at most `max_bytes` together, at least one.
fn entries_within(entries: &[QueueEntry], max_bytes: usize) -> &[QueueEntry] {
    let mut bytes = 0;
    let count = entries.iter().take_while(|entry| {
        bytes += entry.byte_count.unsigned_abs() as usize;
        bytes <= max_bytes
    });
    &entries[..count.count().max(1)]
}

/// Moves entries to the index. An existing document comes from a later change of the device, and is
/// newer. Returns the number of devices.
fn index_whole(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    entries: &[QueueEntry],
) -> QueryResult<i32> {
    diesel::sql_query(
        "WITH entry AS ( \
             DELETE FROM search_queue \
             WHERE search_queue.workspace_id = $1 AND search_queue.id = ANY ($2) \
             RETURNING device_ids, user_ids, identifiers, documents \
         ) \
         INSERT INTO search_documents \
             (workspace_id, device_id, user_id, identifiers, is_archived, document) \
         SELECT $1, queued.device_id, queued.user_id, queued.identifiers, false, queued.document \
         FROM entry CROSS JOIN LATERAL unnest( \
             entry.device_ids, entry.user_ids, entry.identifiers, entry.documents \
         ) AS queued (device_id, user_id, identifiers, document) \
         ON CONFLICT (workspace_id, device_id) DO NOTHING",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(entries.iter().map(|entry| entry.id).collect::<Vec<_>>())
    .execute(connection)?;
    Ok(entries.iter().map(|entry| entry.device_count).sum())
}

/// Moves the first `count` devices of an entry to the index.
fn index_part(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    entry: &QueueEntry,
    count: i32,
) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO search_documents \
             (workspace_id, device_id, user_id, identifiers, is_archived, document) \
         SELECT $1, queued.device_id, queued.user_id, queued.identifiers, false, queued.document \
         FROM search_queue CROSS JOIN LATERAL unnest( \
             search_queue.device_ids[1:$3], search_queue.user_ids[1:$3], \
             search_queue.identifiers[1:$3], search_queue.documents[1:$3] \
         ) AS queued (device_id, user_id, identifiers, document) \
         WHERE search_queue.workspace_id = $1 AND search_queue.id = $2 \
         ON CONFLICT (workspace_id, device_id) DO NOTHING",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(entry.id)
    .bind::<Integer, _>(count)
    .execute(connection)?;
    // `coalesce` changes nothing: Citus 13.2 takes a slice alone for an assignment to a slice, and
    // crashes.
    diesel::sql_query(
        "UPDATE search_queue SET device_ids = coalesce(device_ids[$3 + 1:], '{}'), \
             user_ids = coalesce(user_ids[$3 + 1:], '{}'), \
             identifiers = coalesce(identifiers[$3 + 1:], '{}'), \
             documents = coalesce(documents[$3 + 1:], '{}') \
         WHERE search_queue.workspace_id = $1 AND search_queue.id = $2",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(entry.id)
    .bind::<Integer, _>(count)
    .execute(connection)?;
    Ok(())
}
