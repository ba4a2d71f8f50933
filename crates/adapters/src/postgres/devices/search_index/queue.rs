//! Entries of the queue of devices to index.

use std::time::Duration;

use devices_domain::{IndexBacklog, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double};

/// Maximum size of the documents of an entry in bytes, as they are sent. A thousand ordinary
/// devices fit into one entry. A larger device has an entry of its own.
const MAX_ENTRY_BYTES: usize = 512 * 1024;

/// Divides devices into entries, given the sizes of their documents. Returns the position of the
/// first and the last device of each entry, counted from 1 as in SQL.
pub(in crate::postgres::devices) fn split_into_entries(
    sizes: impl Iterator<Item = usize>,
) -> (Vec<i32>, Vec<i32>) {
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    let mut entry_size = 0;
    for (position, size) in (1..).zip(sizes) {
        entry_size += size;
        match ends.last_mut() {
            Some(end) if entry_size <= MAX_ENTRY_BYTES => *end = position,
            _ => {
                entry_size = size;
                starts.push(position);
                ends.push(position);
            }
        }
    }
    (starts, ends)
}

#[derive(QueryableByName)]
struct WorkspaceRow {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
}

/// Returns the first workspace with queued devices after another one.
pub(super) fn next_workspace(
    connection: &mut PgConnection,
    after: Option<WorkspaceId>,
) -> QueryResult<Option<WorkspaceId>> {
    let row: Option<WorkspaceRow> = diesel::sql_query(
        "/* all workspaces */ SELECT workspace_id FROM search_queue \
         WHERE workspace_id > $1 ORDER BY workspace_id LIMIT 1",
    )
    .bind::<BigInt, _>(after.map_or(0, |workspace| workspace.0))
    .get_result(connection)
    .optional()?;
    Ok(row.map(|row| WorkspaceId(row.workspace_id)))
}

/// Sizes of the queue.
#[derive(QueryableByName)]
struct BacklogRow {
    #[diesel(sql_type = BigInt)]
    devices: i64,
    #[diesel(sql_type = Double)]
    oldest_seconds: f64,
}

/// Measures the queue of all workspaces. Reads no arrays.
pub(super) fn backlog(connection: &mut PgConnection) -> QueryResult<IndexBacklog> {
    let row: BacklogRow = diesel::sql_query(
        "/* all workspaces */ SELECT coalesce(sum(device_count), 0) AS devices, \
             coalesce(extract(epoch FROM now() - min(queued_at)), 0)::double precision \
                 AS oldest_seconds \
         FROM search_queue",
    )
    .get_result(connection)?;
    Ok(IndexBacklog {
        devices: row.devices.unsigned_abs(),
        oldest: age(row.oldest_seconds),
    })
}

/// Converts an age. It is negative if the clock of the database was set back.
pub(super) fn age(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_batch_is_one_entry() {
        let entries = split_into_entries(std::iter::repeat_n(500, 1_000));
        assert_eq!(entries, (vec![1], vec![1_000]));
    }

    #[test]
    fn large_documents_are_split() {
        let sizes = [10, MAX_ENTRY_BYTES, 1, MAX_ENTRY_BYTES - 1, 5, 7];
        let entries = split_into_entries(sizes.into_iter());
        assert_eq!(entries, (vec![1, 2, 3, 5], vec![1, 2, 4, 6]));
    }

    #[test]
    fn no_devices_make_no_entry() {
        assert_eq!(split_into_entries(std::iter::empty()), (vec![], vec![]));
    }
}
