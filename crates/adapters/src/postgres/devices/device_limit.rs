//! The device limit of a workspace. It is exact, and batches of a workspace without one do not wait
//! for each other (ADR 27).
//!
//! - Each transaction that adds devices takes the settings lock in shared mode at its look-up.
//!   Setting a limit takes that lock exclusively: it waits for the transactions that may have read
//!   the previous limit.
//! - In a workspace with a limit, such a transaction takes the total lock exclusively as its last
//!   step, and then reads the total. Only COMMIT follows, so transactions wait for each other no
//!   longer than that takes.
//!
//! The order of the locks is the settings lock, unique indexes, the total lock. Both are advisory
//! locks: a lock on the row of the workspace would conflict with its foreign keys, and lock the
//! whole table on a cluster.

use devices_domain::WorkspaceId;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::BigInt;

use crate::postgres::query::prepared::prepared;
use crate::postgres::usage_counts::{self, Resource};

/// SQL expression that takes the settings lock of the workspace `$1` in shared mode until the
/// transaction ends.
pub(super) const SHARE_SETTINGS_LOCK: &str =
    "pg_advisory_xact_lock_shared(hashtextextended('device limit', $1))";

/// Takes the settings lock exclusively: waits for the transactions that add devices, and makes
/// later ones wait for this one.
pub(crate) fn lock_settings(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<()> {
    prepared("SELECT pg_advisory_xact_lock(hashtextextended('device limit', $1))")
        .bind::<BigInt, _>(workspace.0)
        .execute(connection)
}

/// Checks the number of devices, including those that this transaction has added and recorded.
///
/// # Errors
/// [`RollbackTransaction`](DieselError::RollbackTransaction) if other transactions took the last
/// places since the look-up. The look-up of a retry reports it.
pub(super) fn enforce(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    limit: Option<i32>,
) -> QueryResult<()> {
    let Some(limit) = limit else { return Ok(()) };
    prepared("SELECT pg_advisory_xact_lock(hashtextextended('device total', $1))")
        .bind::<BigInt, _>(workspace.0)
        .execute(connection)?;
    // A statement of its own sees what others committed while this one waited for the lock.
    let held = usage_counts::total(connection, workspace, Resource::Devices)?;
    if held > limit.unsigned_abs().into() {
        return Err(DieselError::RollbackTransaction);
    }
    Ok(())
}
