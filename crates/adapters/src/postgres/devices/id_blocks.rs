//! Ids of new devices and of the events of their creation, reserved before they are inserted.
//!
//! A statement of its own reserves them. COPY returns no ids, and on a cluster only the coordinator
//! may use the sequences.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Integer};

use crate::postgres::query::prepared::prepared;
use crate::postgres::transaction::run::is_id_taken;

/// Number of ids of each kind that a server reserves at once for small batches.
const BLOCK_SIZE: usize = 100;

/// Time after which the rest of a block is given up. Lists and the audit trail are sorted by id:
/// rows are out of order by no more than this.
const BLOCK_TTL: Duration = Duration::from_millis(100);

/// Ids for new devices and their events. Each kind is in ascending order.
pub(crate) struct ReservedIds {
    pub(crate) devices: Vec<i64>,
    pub(crate) events: Vec<i64>,
}

/// Ids that this server has reserved, but not used yet.
#[derive(Default)]
pub(crate) struct IdBlocks(Mutex<Option<Block>>);

struct Block {
    devices: VecDeque<i64>,
    events: VecDeque<i64>,
    reserved_at: Instant,
}

impl IdBlocks {
    /// Returns ids that no other caller gets. Takes them from memory if a recent call has left
    /// enough, and otherwise reserves them with one statement.
    pub(crate) fn take(
        &self,
        connection: &mut PgConnection,
        devices: usize,
        events: usize,
    ) -> QueryResult<ReservedIds> {
        if devices.max(events) > BLOCK_SIZE {
            return reserve(connection, devices, events);
        }
        if let Some(ids) = self.take_stored(devices, events) {
            return Ok(ids);
        }
        let mut ids = reserve_block(connection)?;
        let block = Block {
            devices: ids.devices.split_off(devices).into(),
            events: ids.events.split_off(events).into(),
            reserved_at: Instant::now(),
        };
        *self.block() = Some(block);
        Ok(ids)
    }

    /// Returns an id for an event of a change.
    pub(super) fn take_event(&self, connection: &mut PgConnection) -> QueryResult<i64> {
        let ids = self.take(connection, 0, 1)?;
        ids.events.first().copied().ok_or(DieselError::NotFound)
    }

    /// Gives up the ids in memory if the error shows that a reserved id [is in use](is_id_taken).
    pub(crate) fn clear_if_taken(&self, error: &DieselError) {
        if is_id_taken(error) {
            *self.block() = None;
        }
    }

    fn take_stored(&self, devices: usize, events: usize) -> Option<ReservedIds> {
        let mut block = self.block();
        let block = block.as_mut()?;
        let is_sufficient = block.devices.len() >= devices && block.events.len() >= events;
        (is_sufficient && block.reserved_at.elapsed() < BLOCK_TTL).then(|| ReservedIds {
            devices: block.devices.drain(..devices).collect(),
            events: block.events.drain(..events).collect(),
        })
    }

    fn block(&self) -> MutexGuard<'_, Option<Block>> {
        // No panic can leave a block half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(QueryableByName)]
struct IdsRow {
    #[diesel(sql_type = Array<BigInt>)]
    device_ids: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    event_ids: Vec<i64>,
}

impl IdsRow {
    /// Returns the ids in ascending order, which the statement does not guarantee.
    fn sorted(mut self) -> ReservedIds {
        self.device_ids.sort_unstable();
        self.event_ids.sort_unstable();
        ReservedIds {
            devices: self.device_ids,
            events: self.event_ids,
        }
    }
}

/// Reserves a block of ids. The statement has no parameters: for an unknown number of ids,
/// PostgreSQL would expect 1,000 rows and plan each execution anew.
fn reserve_block(connection: &mut PgConnection) -> QueryResult<ReservedIds> {
    let size = BLOCK_SIZE.to_string();
    prepared(statement(&size, &size))
        .get_result(connection)
        .map(IdsRow::sorted)
}

/// Reserves the given numbers of ids.
fn reserve(
    connection: &mut PgConnection,
    devices: usize,
    events: usize,
) -> QueryResult<ReservedIds> {
    diesel::sql_query(statement("$1", "$2"))
        .bind::<Integer, _>(devices as i32)
        .bind::<Integer, _>(events as i32)
        .get_result(connection)
        .map(IdsRow::sorted)
}

/// Returns the statement that reserves ids. `nextval` over a series takes 0.1 µs per id.
fn statement(devices: &str, events: &str) -> String {
    format!(
        "SELECT ARRAY(SELECT nextval('devices_id_seq') FROM generate_series(1, {devices})) \
                    AS device_ids, \
                ARRAY(SELECT nextval('device_events_id_seq') FROM generate_series(1, {events})) \
                    AS event_ids"
    )
}
