//! Finds the devices that match a search and wait to be indexed.

use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Float, Integer};

use super::range::{Order, Range};
use super::source::{Query, order_by_id};
use crate::postgres::connection::error::is_statement_timeout;
use crate::postgres::query::local_settings::with_settings;
use crate::postgres::query::statement::Value;

/// A device that matches, with its rank.
#[derive(Debug, Clone, Copy, PartialEq, QueryableByName)]
pub(super) struct Match {
    #[diesel(sql_type = BigInt)]
    pub(super) id: i64,
    #[diesel(sql_type = Float)]
    pub(super) rank: f32,
}

/// Extent to which the backlog is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Stops after [`MAX_DURATION`].
    Bounded,
    /// Reads all of it.
    Complete,
}

/// Time after which a bounded search leaves out the rest of the backlog.
const MAX_DURATION: Duration = Duration::from_millis(400);

/// Maximum number of devices that one statement reads.
const MAX_BLOCK_DEVICES: i64 = 25_000;

/// Maximum number of bytes of documents that one statement reads.
const MAX_BLOCK_BYTES: i64 = 16 * 1024 * 1024;

/// Maximum number of entries of the queue that a bounded search considers. Clients that send
/// devices one by one create an entry for each.
const MAX_ENTRIES: usize = 50_000;

/// An entry of the queue, without its documents.
#[derive(Debug, Clone, QueryableByName)]
struct Entry {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    first_device: i64,
    #[diesel(sql_type = BigInt)]
    last_device: i64,
    #[diesel(sql_type = Integer)]
    device_count: i32,
    #[diesel(sql_type = Integer)]
    bytes: i32,
}

/// Matches in the backlog.
pub(super) struct Backlog {
    /// The first matches of the range, in its order.
    pub(super) matches: Vec<Match>,
    /// `false` if a part of the backlog was left out.
    pub(super) is_complete: bool,
}

/// Returns the first `max` matches of a range.
pub(super) fn find(
    query: &Query<'_>,
    range: &Range,
    max: u64,
    effort: Effort,
    connection: &mut PgConnection,
) -> QueryResult<Backlog> {
    let started_at = Instant::now();
    let entries = entries(query, range, effort, connection)?;
    let mut backlog = Backlog {
        matches: Vec::new(),
        is_complete: true,
    };
    let mut rest = entries.as_slice();
    while !rest.is_empty() && !has_enough(&backlog.matches, rest, range.order, max) {
        let read = entries.len() - rest.len();
        // Reads at least one block, however long the look-up of the entries took.
        let is_timeout = read > 0 && started_at.elapsed() > MAX_DURATION;
        let is_spent = is_timeout || read >= MAX_ENTRIES;
        if effort == Effort::Bounded && is_spent {
            backlog.is_complete = false;
            break;
        }
        let (block, next) = rest.split_at(block_length(rest));
        rest = next;
        match find_in_block(query, range, block, max, effort, connection) {
            Ok(found) => backlog.matches.extend(found),
            Err(error) if effort == Effort::Bounded && is_statement_timeout(&error) => {
                backlog.is_complete = false;
                break;
            }
            Err(error) => return Err(error),
        }
        range.sort_by_id(&mut backlog.matches, |found| found.id);
        backlog
            .matches
            .truncate(max.try_into().unwrap_or(usize::MAX));
    }
    Ok(backlog)
}

/// Returns the entries of the queue whose devices may be in the range, in its order. Does not read
/// their documents.
fn entries(
    query: &Query<'_>,
    range: &Range,
    effort: Effort,
    connection: &mut PgConnection,
) -> QueryResult<Vec<Entry>> {
    let mut statement = query.statement();
    // The ids of an entry increase.
    statement.push(
        "SELECT id, device_ids[1] AS first_device, device_ids[device_count] AS last_device, \
             device_count, pg_column_size(documents) AS bytes \
         FROM search_queue WHERE workspace_id = $1 AND device_count > 0 ORDER BY id DESC",
    );
    if effort == Effort::Bounded {
        // One more shows whether there are others.
        statement.push(&format!(" LIMIT {}", MAX_ENTRIES + 1));
    }
    let mut entries: Vec<Entry> = statement.load(connection)?;
    entries.retain(|entry| range.overlaps(entry.first_device, entry.last_device));
    range.sort_by_id(&mut entries, |entry| match range.order {
        Order::NewestFirst => entry.last_device,
        Order::OldestFirst => entry.first_device,
    });
    Ok(entries)
}

/// Returns whether no device of the remaining entries comes before the last of `max` matches.
fn has_enough(matches: &[Match], rest: &[Entry], order: Order, max: u64) -> bool {
    let (Some(last), Some(next)) = (matches.last(), rest.first()) else {
        return false;
    };
    let is_before_rest = match order {
        Order::NewestFirst => last.id > next.last_device,
        Order::OldestFirst => last.id < next.first_device,
    };
    matches.len() as u64 >= max && is_before_rest
}

/// Returns the number of entries that one statement reads. At least one.
fn block_length(entries: &[Entry]) -> usize {
    let (mut devices, mut bytes) = (0, 0);
    let fitting = entries.iter().take(MAX_ENTRIES).take_while(|entry| {
        devices += i64::from(entry.device_count);
        bytes += i64::from(entry.bytes);
        devices <= MAX_BLOCK_DEVICES && bytes <= MAX_BLOCK_BYTES
    });
    fitting.count().max(1)
}

fn find_in_block(
    query: &Query<'_>,
    range: &Range,
    block: &[Entry],
    max: u64,
    effort: Effort,
    connection: &mut PgConnection,
) -> QueryResult<Vec<Match>> {
    let ids: Vec<i64> = block.iter().map(|entry| entry.id).collect();
    let mut statement = query.statement();
    let entries = statement.bind(Value::Integers(ids));
    // Probes the primary key for each entry.
    let source = format!(
        "SELECT queued.*, false AS is_archived FROM unnest({entries}) AS block (id) \
         CROSS JOIN LATERAL ( \
             SELECT * FROM search_queue \
             WHERE search_queue.workspace_id = $1 AND search_queue.id = block.id LIMIT 1 \
         ) AS entry \
         CROSS JOIN LATERAL unnest( \
             entry.device_ids, entry.user_ids, entry.identifiers, entry.documents \
         ) AS queued (device_id, user_id, identifiers, document)"
    );
    let rank = query.terms.rank(&mut statement);
    statement.push(&format!(
        "SELECT found.device_id AS id, {rank} AS rank \
         FROM (SELECT found.device_id, found.document, found.user_id"
    ));
    query.push_from(&source, &mut statement);
    let in_range = range.condition("found.device_id", &mut statement);
    // A change of a queued device writes its row of search_documents, which replaces its element
    // of the queue. The subquery with LIMIT probes the primary key for each match.
    statement.push(&format!(
        " AND {in_range} AND (SELECT true FROM search_documents AS indexed \
             WHERE indexed.workspace_id = $1 AND indexed.device_id = found.device_id \
             LIMIT 1) IS NULL"
    ));
    let max = statement.bind(Value::Integer(max.try_into().unwrap_or(i64::MAX)));
    let order = order_by_id(range.order);
    statement.push(&format!("{order} LIMIT {max}) AS found"));
    match effort {
        Effort::Bounded => {
            let timeout = format!("SET LOCAL statement_timeout = {}", MAX_DURATION.as_millis());
            with_settings(&timeout, connection, |connection| {
                statement.load(connection)
            })
        }
        Effort::Complete => statement.load(connection),
    }
}
