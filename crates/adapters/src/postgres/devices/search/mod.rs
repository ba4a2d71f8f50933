//! Full-text search in the devices of a workspace (ADR 29).
//!
//! A search reads the index, `search_documents`, and the backlog of devices that wait to be
//! indexed, `search_queue`. It takes the first matches in the order of their ids, and ranks no more
//! than [`MAX_RANKED`] of them:
//!
//! 1. `terms` looks up the assignees that the words match.
//! 2. `page` takes the newest matches as those to rank, and appends the others by id.
//! 3. `backlog` compares the documents in the queue, block by block.
//! 4. `index` compares the newest documents in the index. If matches are rare among them, it takes
//!    samples all over the index (`sample`), and reads in the way that `plan` finds the cheapest.

mod backlog;
mod index;
mod page;
mod plan;
mod range;
mod sample;
mod source;
mod terms;

use devices_domain::{DeviceFilter, DeviceId, Page, PageRequest, Search, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use self::backlog::{Effort, Match};
use self::range::Range;
use self::source::Query;
use self::terms::Terms;
use crate::postgres::query::statement::Value;

/// Maximum number of matches that are ranked: the newest. Ranking distinguishes little where more
/// match, and all matches would have to be found.
const MAX_RANKED: u64 = 2_000;

/// Returns a page of the ids of the devices that match a search and the other conditions of its
/// filter. The connection must be in a transaction with one snapshot.
pub(super) fn page(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    search: &Search,
    request: PageRequest,
) -> QueryResult<Page<i64>> {
    let terms = Terms::resolve(connection, workspace, search)?;
    let query = Query {
        workspace,
        filter,
        terms: &terms,
    };
    page::page(&query, request, connection)
}

/// Returns the ids of the first `max` devices after a device, in ascending order, that match a
/// search and the other conditions of its filter. Reads all of the backlog: an export must be
/// complete. The connection must be in a transaction with one snapshot.
pub(super) fn ids_after(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    search: &Search,
    after: Option<DeviceId>,
    max: u32,
) -> QueryResult<Vec<i64>> {
    let terms = Terms::resolve(connection, workspace, search)?;
    let query = Query {
        workspace,
        filter,
        terms: &terms,
    };
    let range = Range::above(after.map_or(0, |device| device.0));
    let found = find(&query, range, 0, max.into(), Effort::Complete, connection)?;
    Ok(found.ids)
}

/// Matches of a range, in its order.
struct Found {
    ids: Vec<i64>,
    /// Ranks of those that are in the backlog.
    backlog: Vec<Match>,
    /// `false` if a part of the backlog was left out.
    is_complete: bool,
}

/// Returns the matches of a range from the position `skip` on, at most `max` of them.
fn find(
    query: &Query<'_>,
    range: Range,
    skip: u64,
    max: u64,
    effort: Effort,
    connection: &mut PgConnection,
) -> QueryResult<Found> {
    let wanted = skip.saturating_add(max);
    let backlog = backlog::find(query, &range, wanted, effort, connection)?;
    let ids = if backlog.matches.is_empty() {
        index::find(query, range, skip, max, connection)?
    } else {
        let mut ids = index::find(query, range, 0, wanted, connection)?;
        ids.extend(backlog.matches.iter().map(|found| found.id));
        range.sort_by_id(&mut ids, |id| *id);
        let ids = ids.into_iter().skip(skip.try_into().unwrap_or(usize::MAX));
        ids.take(max.try_into().unwrap_or(usize::MAX)).collect()
    };
    Ok(Found {
        ids,
        backlog: backlog.matches,
        is_complete: backlog.is_complete,
    })
}

/// Returns the ranks of found devices, in no particular order.
fn rank(
    query: &Query<'_>,
    found: &Found,
    connection: &mut PgConnection,
) -> QueryResult<Vec<Match>> {
    let queued = found.backlog.iter().map(|queued| (queued.id, queued));
    let queued: std::collections::HashMap<i64, &Match> = queued.collect();
    let (mut ranked, mut indexed) = (Vec::with_capacity(found.ids.len()), Vec::new());
    for id in &found.ids {
        match queued.get(id) {
            Some(queued) => ranked.push(**queued),
            None => indexed.push(*id),
        }
    }
    if !indexed.is_empty() {
        let mut statement = query.statement();
        let rank = query.terms.rank(&mut statement);
        let ids = statement.bind(Value::Integers(indexed));
        statement.push(&format!(
            "SELECT found.device_id AS id, {rank} AS rank FROM search_documents AS found \
             WHERE found.workspace_id = $1 AND found.device_id = ANY ({ids})"
        ));
        let rows: Vec<Match> = statement.load(connection)?;
        ranked.extend(rows);
    }
    Ok(ranked)
}
