//! Pages of search results: the newest matches by rank, then the others by id.

use std::cmp::Ordering;

use devices_domain::{Cursor, IdRange, Page, PageRequest, PageStart, Total};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::backlog::{Effort, Match};
use super::range::{Order, Range};
use super::source::Query;
use super::{Found, MAX_RANKED, find, rank};

/// Number of matches that may appear between two pages among those that the first page ranked, for
/// example because devices are restored.
const LATER_MATCHES: u64 = 500;

/// The matches that are ranked.
struct Window {
    /// Matches by rank, then by id, both descending.
    matches: Vec<Match>,
    /// Range of their ids.
    ids: IdRange,
    /// `false` if a part of the backlog was left out.
    is_complete: bool,
}

impl Window {
    /// Returns whether there may be older matches than those of the window.
    fn has_rest(&self) -> bool {
        self.ids.oldest > 0
    }

    /// Returns the number of all matches, or a lower bound of it.
    fn total(&self) -> Total {
        let ranked_count = self.matches.len() as u64;
        if self.has_rest() || !self.is_complete {
            Total::at_least(ranked_count)
        } else {
            Total::exact(ranked_count)
        }
    }

    /// Returns the number of matches before the start of a page.
    fn position(&self, start: PageStart) -> u64 {
        match start {
            PageStart::Offset(offset) => offset,
            PageStart::Cursor(cursor) => {
                let matches = self.matches.iter();
                let before = matches.take_while(|found| !is_after(found, &cursor));
                before.count() as u64
            }
        }
    }
}

/// Returns a page of the matches.
pub(super) fn page(
    query: &Query<'_>,
    request: PageRequest,
    connection: &mut PgConnection,
) -> QueryResult<Page<i64>> {
    match request.start {
        PageStart::Cursor(Cursor { id, rank: None, .. }) => {
            let rest = Rest {
                below: id,
                skip: 0,
                total: Total::at_least(MAX_RANKED),
            };
            rest.page(query, request.limit, connection)
        }
        start => ranked_page(query, start, request.limit, connection),
    }
}

/// Returns a page that begins among the ranked matches, unless its offset lies beyond them.
fn ranked_page(
    query: &Query<'_>,
    start: PageStart,
    limit: u32,
    connection: &mut PgConnection,
) -> QueryResult<Page<i64>> {
    let ids = match start {
        PageStart::Cursor(cursor) => cursor.ranked_ids,
        PageStart::Offset(_) => None,
    };
    let window = window(query, ids, connection)?;
    let ranked_count = window.matches.len() as u64;
    let total = window.total();
    let skip = window.position(start);
    let rest = Rest {
        below: window.ids.oldest,
        skip: skip.saturating_sub(ranked_count),
        total,
    };
    if window.has_rest() && skip >= ranked_count {
        return rest.page(query, limit, connection);
    }
    let first = skip.try_into().unwrap_or(usize::MAX);
    let mut items = window.matches.get(first..).unwrap_or_default().to_vec();
    let has_next = items.len() > limit as usize;
    items.truncate(limit as usize);
    let missing = limit - items.len() as u32;
    let ids = items.iter().map(|item| item.id).collect();
    if has_next || !window.has_rest() {
        let last = items.last().filter(|_| has_next);
        return Ok(Page {
            items: ids,
            total,
            search_is_complete: window.is_complete,
            next: last.map(|last| Cursor {
                id: last.id,
                rank: Some(last.rank),
                ranked_ids: Some(window.ids),
            }),
        });
    }
    rest.page(query, missing, connection).map(|rest| Page {
        items: [ids, rest.items].concat(),
        search_is_complete: window.is_complete && rest.search_is_complete,
        ..rest
    })
}

/// Finds the matches that are ranked: the newest, or those with ids that an earlier page ranked.
fn window(
    query: &Query<'_>,
    ids: Option<IdRange>,
    connection: &mut PgConnection,
) -> QueryResult<Window> {
    let (range, max) = match ids {
        None => (Range::all(Order::NewestFirst), MAX_RANKED + 1),
        Some(ids) => {
            let range = Range {
                order: Order::NewestFirst,
                above: ids.oldest - 1,
                below: ids.newest.saturating_add(1),
            };
            (range, MAX_RANKED + LATER_MATCHES)
        }
    };
    let mut found = find(query, range, 0, max, Effort::Bounded, connection)?;
    let ids = ids.unwrap_or_else(|| limit_to_newest(&mut found));
    let mut matches = rank(query, &found, connection)?;
    matches.sort_unstable_by(by_rank);
    Ok(Window {
        matches,
        ids,
        is_complete: found.is_complete,
    })
}

/// Drops all but the newest [`MAX_RANKED`] matches. Returns the range of their ids: from 0 if these
/// are all.
fn limit_to_newest(found: &mut Found) -> IdRange {
    let max = MAX_RANKED as usize;
    let has_rest = found.ids.len() > max;
    found.ids.truncate(max);
    let oldest = found.ids.last().filter(|_| has_rest);
    IdRange {
        oldest: oldest.copied().unwrap_or_default(),
        newest: found.ids.first().copied().unwrap_or_default(),
    }
}

/// Orders by rank, then by id, both descending.
fn by_rank(left: &Match, right: &Match) -> Ordering {
    let ranks = right.rank.total_cmp(&left.rank);
    ranks.then_with(|| right.id.cmp(&left.id))
}

/// Returns whether a match comes after the last item of a page, by rank.
fn is_after(found: &Match, cursor: &Cursor) -> bool {
    let last = Match {
        id: cursor.id,
        rank: cursor.rank.unwrap_or_default(),
    };
    by_rank(&last, found) == Ordering::Less
}

/// The matches that are not ranked: those with smaller ids than all that are.
struct Rest {
    below: i64,
    skip: u64,
    total: Total,
}

impl Rest {
    fn page(
        self,
        query: &Query<'_>,
        limit: u32,
        connection: &mut PgConnection,
    ) -> QueryResult<Page<i64>> {
        let Self { below, skip, total } = self;
        let (range, max) = (Range::below(below), u64::from(limit) + 1);
        let found = find(query, range, skip, max, Effort::Bounded, connection)?;
        let mut items = found.ids;
        let has_next = items.len() > limit as usize;
        items.truncate(limit as usize);
        let id = match items.last() {
            Some(last) => *last,
            // The page is full with ranked matches.
            None => below,
        };
        Ok(Page {
            items,
            total,
            search_is_complete: found.is_complete,
            next: has_next.then_some(Cursor {
                id,
                rank: None,
                ranked_ids: None,
            }),
        })
    }
}
