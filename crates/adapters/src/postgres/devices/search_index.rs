//! What devices are found by.

use devices_domain::{RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::schema::tables::device_search_queue;

/// Makes anew what a device that was changed is found by.
pub(crate) fn renew(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: i64,
) -> QueryResult<()> {
    let when_known = "DO UPDATE SET user_id = excluded.user_id, \
                      serial_number_folded = excluded.serial_number_folded, \
                      is_archived = excluded.is_archived, document = excluded.document";
    index(connection, workspace, &[device], when_known)
}

/// Makes what these devices are found by, each looked up by itself, whatever the planner believes of
/// the table.
fn index(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[i64],
    when_known: &str,
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "INSERT INTO device_search (workspace_id, device_id, user_id, serial_number_folded, \
                                    is_archived, document) \
         SELECT device.* FROM unnest($2) AS wanted (id) \
         CROSS JOIN LATERAL ( \
             SELECT devices.workspace_id, devices.id, devices.user_id, devices.serial_number_folded, \
                    devices.deleted_at IS NOT NULL, device_document(devices.*) \
             FROM devices WHERE devices.workspace_id = $1 AND devices.id = wanted.id LIMIT 1 \
         ) AS device \
         ON CONFLICT (workspace_id, device_id) {when_known}"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .execute(connection)?;
    Ok(())
}

/// A batch that waits.
#[derive(QueryableByName)]
#[diesel(table_name = device_search_queue)]
struct Waiting {
    workspace_id: i64,
    id: i64,
    device_ids: Vec<Option<i64>>,
}

/// Makes what devices that wait for it are found by: of the oldest `most` of any workspace, so that
/// nobody waits for it. Several processes may do so at once. Returns how many it were.
///
/// # Errors
/// Where the store gives no answer, or not in time; they wait on then.
pub async fn index_queued_devices(
    database: &Database,
    most: usize,
) -> Result<usize, RepositoryError> {
    database
        .run(move |connection| {
            let any = device_search_queue::table
                .select(device_search_queue::id)
                .limit(1);
            let any: Option<i64> = any.first(connection).optional().map_err(classify)?;
            if any.is_none() {
                return Ok(0);
            }
            connection
                .transaction(|connection| index_waiting(connection, most))
                .map_err(classify)
        })
        .await
}

fn index_waiting(connection: &mut PgConnection, most: usize) -> QueryResult<usize> {
    let waiting: Vec<Waiting> = diesel::sql_query(format!(
        "/* all workspaces */ SELECT workspace_id, id, device_ids FROM device_search_queue \
         ORDER BY id LIMIT {} FOR UPDATE SKIP LOCKED",
        // Of batches with a device each; of larger ones not all are needed.
        most.min(100),
    ))
    .load(connection)?;
    let mut indexed = 0;
    for batch in waiting {
        let mut devices: Vec<i64> = batch.device_ids.into_iter().flatten().collect();
        let rest = devices.split_off(devices.len().min(most - indexed));
        // What is there already was made by a change since, of what is newer.
        index(
            connection,
            WorkspaceId(batch.workspace_id),
            &devices,
            "DO NOTHING",
        )?;
        let row = device_search_queue::table.find((batch.workspace_id, batch.id));
        match rest.is_empty() {
            true => diesel::delete(row).execute(connection)?,
            false => diesel::update(row)
                .set(device_search_queue::device_ids.eq(rest))
                .execute(connection)?,
        };
        indexed += devices.len();
        if indexed >= most {
            break;
        }
    }
    Ok(indexed)
}
