//! Numbering of committed events.

use devices_domain::{RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool};

use crate::postgres::query::statement::IdRow;
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::run::{Effect, Failure, Outcome, transact_on};

/// Maximum number of events that a transaction numbers.
const MAX_EVENTS: i64 = 2_000;

/// The feed of a workspace, locked until the transaction ends. No other transaction numbers or
/// purges events of the workspace meanwhile.
#[derive(QueryableByName)]
pub(crate) struct LockedFeed {
    #[diesel(sql_type = BigInt)]
    last_position: i64,
    /// `true` if the time of the last read is up to date.
    #[diesel(sql_type = Bool)]
    is_read_recently: bool,
}

/// Locks the feed of a workspace. Creates it if nothing has read or purged the events before.
///
/// Takes the lock before any lock of an event. This prevents deadlocks.
pub(crate) fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<LockedFeed> {
    if let Some(feed) = lock_existing(connection, workspace)? {
        return Ok(feed);
    }
    diesel::sql_query(
        "INSERT INTO event_feeds (workspace_id, last_position, purged_position) \
         VALUES ($1, 0, 0) ON CONFLICT (workspace_id) DO NOTHING",
    )
    .bind::<BigInt, _>(workspace.0)
    .execute(connection)?;
    lock_existing(connection, workspace)?.ok_or(DieselError::NotFound)
}

fn lock_existing(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<Option<LockedFeed>> {
    diesel::sql_query(
        "SELECT last_position, (read_at > now() - interval '1 minute') IS TRUE AS is_read_recently \
         FROM event_feeds WHERE event_feeds.workspace_id = $1 FOR UPDATE",
    )
    .bind::<BigInt, _>(workspace.0)
    .get_result(connection)
    .optional()
}

/// Numbers the next committed events, and records that the feed is read.
///
/// The events of one transaction of the feed are visible to readers at once, and only after those
/// of all earlier ones: the next transaction gets the lock after this one has committed, and only
/// then looks for events. A reader that has seen a position has therefore seen all smaller ones.
pub(super) fn number_next(
    lease: &mut Lease,
    gate: &CommitGate,
    workspace: WorkspaceId,
) -> Result<(), RepositoryError> {
    let outcome = transact_on(lease, gate, |connection| {
        let feed = lock(connection, workspace)?;
        let numbered = feed.number_events(connection, workspace)?;
        if numbered == 0 && feed.is_read_recently {
            return Ok(((), Effect::None));
        }
        diesel::sql_query(
            "UPDATE event_feeds SET last_position = $2, read_at = now() \
             WHERE event_feeds.workspace_id = $1",
        )
        .bind::<BigInt, _>(workspace.0)
        .bind::<BigInt, _>(feed.last_position + numbered as i64)
        .execute(connection)?;
        Ok::<_, Failure<RepositoryError>>(((), Effect::Unmarked))
    })?;
    match outcome {
        Outcome::Committed(()) => Ok(()),
        Outcome::InDoubt(_) => {
            let cause = "the connection was lost while events were numbered";
            Err(RepositoryError::Unavailable(cause.into()))
        }
    }
}

impl LockedFeed {
    /// Gives the next events their positions. Returns their number.
    ///
    /// Events of one object that are numbered together are in the order of their times, which rise
    /// with every change of the object. Of two changes that are numbered by different transactions,
    /// the earlier one is numbered first: the later one waited for its COMMIT.
    fn number_events(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> QueryResult<usize> {
        let next: Vec<IdRow> = diesel::sql_query(
            "SELECT id FROM device_events \
             WHERE device_events.workspace_id = $1 AND feed_position IS NULL \
             ORDER BY occurred_at, id LIMIT $2",
        )
        .bind::<BigInt, _>(workspace.0)
        .bind::<BigInt, _>(MAX_EVENTS)
        .load(connection)?;
        if next.is_empty() {
            return Ok(0);
        }
        let positions: Vec<i64> = (self.last_position + 1..).take(next.len()).collect();
        let ids: Vec<i64> = next.into_iter().map(|row| row.id).collect();
        // With the SELECT above as a subquery, the planner would expect as many events as the LIMIT
        // allows, and hash the whole table for a single one.
        diesel::sql_query(
            "UPDATE device_events SET feed_position = numbered.feed_position \
             FROM unnest($2, $3) AS numbered (id, feed_position) \
             WHERE device_events.workspace_id = $1 AND device_events.id = numbered.id",
        )
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(ids)
        .bind::<Array<BigInt>, _>(&positions)
        .execute(connection)?;
        Ok(positions.len())
    }

    /// Records that events were purged: those with these positions, `None` for an event that was
    /// not numbered yet. Such an event takes a position, too, so that a reader that has read all
    /// numbered events learns that it has missed one.
    pub(crate) fn record_purge(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        positions: &[Option<i64>],
    ) -> QueryResult<()> {
        let unnumbered = positions.iter().filter(|position| position.is_none());
        let last_position = self.last_position + unnumbered.count() as i64;
        let purged_position = if last_position > self.last_position {
            Some(last_position)
        } else {
            positions.iter().copied().max().flatten()
        };
        let Some(purged_position) = purged_position else {
            return Ok(());
        };
        diesel::sql_query(
            "UPDATE event_feeds \
             SET last_position = $2, purged_position = greatest(purged_position, $3) \
             WHERE event_feeds.workspace_id = $1",
        )
        .bind::<BigInt, _>(workspace.0)
        .bind::<BigInt, _>(last_position)
        .bind::<BigInt, _>(purged_position)
        .execute(connection)?;
        Ok(())
    }
}
