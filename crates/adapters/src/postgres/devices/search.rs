//! What devices are found by.

use devices_domain::{RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::postgres::database::{Database, Id, classify};

/// The columns of `device_search`, made of a row of `devices`.
macro_rules! made_of_devices {
    ($($before:literal)+; $($after:literal)+) => {
        concat!(
            $($before,)+
            "INSERT INTO device_search (workspace_id, device_id, user_id, serial_number_folded, \
                                        is_archived, document) \
             SELECT devices.workspace_id, devices.id, devices.user_id, devices.serial_number_folded, \
                    devices.deleted_at IS NOT NULL, \
                    device_document(devices.name, devices.serial_number, devices.brand, devices.type, \
                                    devices.category, devices.processor, devices.comment) ",
            $($after,)+
        )
    };
}

/// Lets new devices wait for what they are found by; they are found meanwhile, too.
pub(super) fn enqueue(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[i64],
) -> QueryResult<()> {
    diesel::sql_query("INSERT INTO device_search_queue (workspace_id, device_ids) VALUES ($1, $2)")
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(devices)
        .execute(connection)?;
    Ok(())
}

/// Makes anew what a device that was changed is found by. Whoever makes it for devices that wait leaves
/// this as it is: what he has read may be older.
pub(super) fn renew(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: i64,
) -> QueryResult<()> {
    diesel::sql_query(made_of_devices!(
        "";
        "FROM devices WHERE devices.workspace_id = $1 AND devices.id = $2 "
        "ON CONFLICT (workspace_id, device_id) DO UPDATE \
         SET user_id = excluded.user_id, serial_number_folded = excluded.serial_number_folded, \
             is_archived = excluded.is_archived, document = excluded.document"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(device)
    .execute(connection)?;
    Ok(())
}

/// Makes what devices that wait for it are found by: of a few batches of any workspace, so that nobody
/// waits for it. Several processes may do so at once. Returns how many batches there were.
///
/// # Errors
/// Where the store gives no answer; they wait on then.
pub async fn index_waiting_devices(database: &Database) -> Result<u64, RepositoryError> {
    let batches: Id = database
        .run(move |connection| {
            // Whoever locks the devices does not wait for this where there is nothing to do.
            let waiting: Id = diesel::sql_query(
                "/* all workspaces */ SELECT count(*) AS id \
                 FROM (SELECT FROM device_search_queue LIMIT 1) AS waiting",
            )
            .get_result(connection)
            .map_err(classify)?;
            if waiting.id == 0 {
                return Ok(waiting);
            }
            diesel::sql_query(made_of_devices!(
                "/* all workspaces */ WITH taken AS ( \
                     DELETE FROM device_search_queue WHERE (workspace_id, id) IN ( \
                         SELECT workspace_id, id FROM device_search_queue \
                         ORDER BY id LIMIT 4 FOR UPDATE SKIP LOCKED) \
                     RETURNING workspace_id, device_ids), \
                 made AS ( ";
                "FROM taken CROSS JOIN LATERAL unnest(taken.device_ids) AS waiting (id) \
                 JOIN devices ON devices.workspace_id = taken.workspace_id AND devices.id = waiting.id \
                 ON CONFLICT DO NOTHING) \
                 SELECT count(*) AS id FROM taken"
            ))
            .get_result(connection)
            .map_err(classify)
        })
        .await?;
    Ok(batches.id.unsigned_abs())
}
