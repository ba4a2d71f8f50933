//! Locks of several devices until the transaction ends, in the order of their serial numbers: two
//! transactions that lock the same devices in different orders would deadlock.

use devices_domain::WorkspaceId;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use crate::postgres::query::prepared::prepared;

/// Locks devices. Ignores unknown ids.
pub(super) fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[i64],
) -> QueryResult<()> {
    prepared(locking_select("devices.id"))
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(devices)
        .execute(connection)
}

/// Returns the statement that selects these columns of the devices `$2` of the workspace `$1`,
/// without locks.
pub(super) fn plain_select(columns: &str) -> String {
    format!(
        "SELECT {columns} FROM unnest($2) AS requested (id) \
         CROSS JOIN LATERAL ( \
             SELECT * FROM devices \
             WHERE devices.workspace_id = $1 AND devices.id = requested.id LIMIT 1 \
         ) AS devices"
    )
}

/// Returns the statement that locks the devices `$2` of the workspace `$1` and selects these
/// columns of them, in the order of the locks.
///
/// Each LATERAL subquery with LIMIT probes the primary key once per device. For `= ANY`, the
/// planner reads all devices of the workspace, which it expects to be few.
pub(super) fn locking_select(columns: &str) -> String {
    format!(
        "SELECT {columns} FROM ( \
             SELECT candidate.id FROM unnest($2) AS requested (id) \
             CROSS JOIN LATERAL ( \
                 SELECT id, serial_number_folded FROM devices \
                 WHERE devices.workspace_id = $1 AND devices.id = requested.id LIMIT 1 \
             ) AS candidate \
             ORDER BY candidate.serial_number_folded COLLATE \"C\", candidate.id \
         ) AS ordered \
         CROSS JOIN LATERAL ( \
             SELECT * FROM devices \
             WHERE devices.workspace_id = $1 AND devices.id = ordered.id \
             LIMIT 1 FOR NO KEY UPDATE \
         ) AS devices"
    )
}
