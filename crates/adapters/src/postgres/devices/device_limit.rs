//! The device limit of a workspace. It is exact, and batches of a workspace without one do not wait
//! for each other (ADR 27).
//!
//! - In a workspace with a limit, each transaction that adds devices takes the total lock as its
//!   last step, and then reads the limit and the total. Only COMMIT follows, so transactions wait
//!   for each other no longer than that takes.
//! - A transaction that read that there is no limit takes no lock. Setting the first limit of a
//!   workspace therefore takes two transactions, between which it waits for those that may have
//!   read that ([`wait_for_writers`](crate::postgres::transaction::writers::wait_for_writers)).
//!
//! The lock is an advisory lock: a lock on the row of the workspace would conflict with its foreign
//! keys, and lock the whole table on a cluster. Its statement names no table, so that a cluster
//! always takes it on the coordinator.

use devices_domain::WorkspaceId;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Integer, Nullable};

use crate::postgres::query::prepared::prepared;
use crate::postgres::usage_counts::{self, Resource};

/// SQL expression for the device limit of the workspace `$1`.
pub(super) const DEVICE_LIMIT: &str =
    "(SELECT device_limit FROM workspaces WHERE workspaces.id = $1)";

/// A limit that no workspace reaches. Transactions of a workspace with this limit obey the one that
/// is set next.
pub(crate) const UNREACHABLE: i32 = i32::MAX;

#[derive(QueryableByName)]
struct LimitRow {
    #[diesel(sql_type = Nullable<Integer>)]
    device_limit: Option<i32>,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct DeviceLimitRow {
    #[diesel(sql_type = Nullable<Integer>)]
    device_limit: Option<i32>,
}

/// Reads the limit, in a transaction that has written devices: a first limit is set only after it
/// ends.
pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<Option<i32>> {
    let row: DeviceLimitRow = prepared(format!("SELECT {DEVICE_LIMIT} AS device_limit"))
        .bind::<BigInt, _>(workspace.0)
        .get_result(connection)?;
    Ok(row.device_limit)
}

/// Checks the number of devices, including those that this transaction has added and recorded.
/// `limit` is the limit that this transaction has read: without one, nothing is checked.
///
/// # Errors
/// [`RollbackTransaction`](DieselError::RollbackTransaction) if other transactions took the last
/// places since the look-up, or if the limit was lowered. The look-up of a retry reports it.
pub(super) fn enforce(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    limit: Option<i32>,
) -> QueryResult<()> {
    if limit.is_none() {
        return Ok(());
    }
    prepared("SELECT pg_advisory_xact_lock(hashtextextended('device total', $1))")
        .bind::<BigInt, _>(workspace.0)
        .execute(connection)?;
    // A statement of its own sees what others committed while this one waited for the lock.
    let current: LimitRow = prepared(format!(
        "SELECT {DEVICE_LIMIT} AS device_limit, {} AS total",
        usage_counts::total_sql(Resource::Devices)
    ))
    .bind::<BigInt, _>(workspace.0)
    .get_result(connection)?;
    let is_exceeded = current
        .device_limit
        .is_some_and(|limit| current.total > limit.into());
    if is_exceeded {
        return Err(DieselError::RollbackTransaction);
    }
    Ok(())
}
