//! The search index: a search document per device, and the queue of devices without one.

use devices_domain::{RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::schema::tables::device_search_queue;

/// Replaces the search document of a changed device.
pub(crate) fn reindex(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: i64,
) -> QueryResult<()> {
    let replace = "DO UPDATE SET user_id = excluded.user_id, \
                   serial_number_folded = excluded.serial_number_folded, \
                   is_archived = excluded.is_archived, document = excluded.document";
    insert_documents(connection, workspace, &[device], replace)
}

/// Inserts the search documents of devices. The LATERAL subquery probes the primary key once per
/// device, whatever the planner estimates for the table.
fn insert_documents(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[i64],
    on_conflict: &str,
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "INSERT INTO device_search (workspace_id, device_id, user_id, serial_number_folded, \
                                    is_archived, document) \
         SELECT device.* FROM unnest($2) AS requested (id) \
         CROSS JOIN LATERAL ( \
             SELECT devices.workspace_id, devices.id, devices.user_id, \
                    devices.serial_number_folded, devices.deleted_at IS NOT NULL, \
                    device_document(devices.*) \
             FROM devices WHERE devices.workspace_id = $1 AND devices.id = requested.id LIMIT 1 \
         ) AS device \
         ON CONFLICT (workspace_id, device_id) {on_conflict}"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .execute(connection)?;
    Ok(())
}

/// A batch in the queue.
#[derive(QueryableByName)]
#[diesel(table_name = device_search_queue)]
struct QueueEntry {
    workspace_id: i64,
    id: i64,
    device_ids: Vec<Option<i64>>,
}

/// Indexes up to `max` of the oldest queued devices of all workspaces. Returns the number of
/// indexed devices. Several processes may index at the same time.
///
/// # Errors
/// If the database fails or a statement times out. The devices remain queued.
pub async fn index_queued_devices(
    database: &Database,
    max: usize,
) -> Result<usize, RepositoryError> {
    database
        .run(move |connection| {
            // An empty queue costs one statement and no transaction.
            let first = device_search_queue::table
                .select(device_search_queue::id)
                .limit(1);
            let first: Option<i64> = first.first(connection).optional().map_err(classify)?;
            if first.is_none() {
                return Ok(0);
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "after a lost COMMIT the devices are indexed, or still queued"
            )]
            let indexed = connection.transaction(|connection| index_oldest(connection, max));
            indexed.map_err(classify)
        })
        .await
}

fn index_oldest(connection: &mut PgConnection, max: usize) -> QueryResult<usize> {
    // Entries that this call locks, but does not need, stay locked until the transaction ends. No
    // more than `max` are needed, since each has at least one device.
    const MAX_ENTRIES: usize = 100;
    let entries: Vec<QueueEntry> = diesel::sql_query(format!(
        "/* all workspaces */ SELECT workspace_id, id, device_ids FROM device_search_queue \
         ORDER BY id LIMIT {} FOR UPDATE SKIP LOCKED",
        max.min(MAX_ENTRIES),
    ))
    .load(connection)?;
    let mut indexed = 0;
    for entry in entries {
        let mut devices: Vec<i64> = entry.device_ids.into_iter().flatten().collect();
        let rest = devices.split_off(devices.len().min(max - indexed));
        // An existing document comes from a later change of the device, and is newer.
        let workspace = WorkspaceId(entry.workspace_id);
        insert_documents(connection, workspace, &devices, "DO NOTHING")?;
        let row = device_search_queue::table.find((entry.workspace_id, entry.id));
        if rest.is_empty() {
            diesel::delete(row).execute(connection)?;
        } else {
            diesel::update(row)
                .set(device_search_queue::device_ids.eq(rest))
                .execute(connection)?;
        }
        indexed += devices.len();
        if indexed >= max {
            break;
        }
    }
    Ok(indexed)
}
