//! Pagination of query results, by cursor (keyset pagination) or by offset.
//!
//! A page and its total cost little, however large the list is (ADR 27): up to [`MAX_COUNTED`]
//! matches are read and sorted here, and longer lists are read in the order of an index.

use std::collections::HashSet;

use devices_domain::{Cursor, Page, PageRequest, PageStart, Total, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Float};

use crate::postgres::query::index_queries::{IndexQueries, RangeResult, load_ids, select_ids};
use crate::postgres::query::local_settings::in_index_order;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::usage_counts::{self, Resource};

#[derive(QueryableByName)]
struct TotalRow {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

#[derive(QueryableByName)]
struct ItemRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Float)]
    rank: f32,
}

/// Number of matches up to which the total of a list is exact. `openapi.yaml` states it.
const MAX_COUNTED: usize = 500;

/// Largest result set that is sorted by rank. Larger ones are sorted by id, newest first: ranking
/// would take seconds, and distinguishes little if nearly every row matches.
const MAX_RANKED_ROWS: u64 = 100_000;

/// A query whose result is returned in pages.
pub(crate) struct PagedQuery {
    /// FROM and WHERE clauses. WHERE is required: [`page`](Self::page) appends conditions to it.
    from: Statement,
    /// SQL expression for the id of an item.
    id: &'static str,
    /// SQL expression of type `real` for the rank (relevance) of an item. `None` if items are
    /// sorted by id alone.
    rank: Option<String>,
    /// Queries for matches that are not found in the order of the ids.
    index_queries: Option<IndexQueries>,
    /// The count that has the exact total, if the query selects all items.
    counted: Option<(WorkspaceId, Resource)>,
    /// `true` if the query looks for items without a counterpart in another table.
    is_anti_join: bool,
    /// Number of matches up to which they are all read.
    max_counted: usize,
}

impl PagedQuery {
    pub(crate) fn new(from: Statement, id: &'static str) -> Self {
        Self {
            from,
            id,
            rank: None,
            index_queries: None,
            counted: None,
            is_anti_join: false,
            max_counted: MAX_COUNTED,
        }
    }

    /// Sorts by this rank first.
    pub(crate) fn with_rank(mut self, rank: Option<String>) -> Self {
        self.rank = rank;
        self
    }

    /// Finds matches through an index unless they are frequent.
    pub(crate) fn with_index_queries(mut self, queries: Option<IndexQueries>) -> Self {
        self.index_queries = queries;
        self
    }

    /// Takes the total from the usage count, because the query selects all items.
    pub(crate) fn with_count(mut self, workspace: WorkspaceId, resource: Resource) -> Self {
        self.counted = Some((workspace, resource));
        self
    }

    /// States that the query looks for items without a counterpart in another table. They are
    /// usually few, so both tables are read in the order of an index.
    pub(crate) fn with_anti_join(mut self, is_anti_join: bool) -> Self {
        self.is_anti_join = is_anti_join;
        self
    }

    /// Reads all matches, because there cannot be more than `max`.
    pub(crate) fn with_max_counted(mut self, max: usize) -> Self {
        self.max_counted = max;
        self
    }

    /// Returns the FROM and WHERE clauses, and the expression for the id.
    pub(crate) fn into_parts(self) -> (Statement, &'static str) {
        (self.from, self.id)
    }

    /// Returns a page of item ids, by rank and then id, both descending. By id alone if there is no
    /// rank, or too many rows match.
    ///
    /// All statements see the same rows only in a snapshot
    /// ([`Database::read`](crate::postgres::connection::database::Database)).
    pub(crate) fn page(
        mut self,
        connection: &mut PgConnection,
        paging: PageRequest,
    ) -> QueryResult<Page<i64>> {
        if self.rank.is_some() {
            return self.ranked_page(connection, paging);
        }
        match self.index_queries.take() {
            Some(queries) => self.page_by_index(queries, connection, paging),
            None => self.unranked_page(connection, paging),
        }
    }

    /// Reads up to [`MAX_COUNTED`] matches in any order, or else the page in the order of the ids.
    fn unranked_page(
        self,
        connection: &mut PgConnection,
        paging: PageRequest,
    ) -> QueryResult<Page<i64>> {
        let Self { from, id, .. } = self;
        let select = select_ids(from.clone(), id, self.max_counted + 1);
        let matches = if self.is_anti_join {
            load_ids(connection, select)?
        } else {
            in_index_order(connection, |connection| load_ids(connection, select))?
        };
        if matches.len() <= self.max_counted {
            return Ok(page_of(matches, paging));
        }
        let mut page = in_index_order(connection, |connection| {
            load_page(connection, page_statement(from, id, None, paging), paging)
        })?;
        let counted = matches.len() as u64;
        page.total = match self.counted {
            Some((workspace, resource)) => {
                let total = usage_counts::total(connection, workspace, resource)?;
                Total::exact(total.max(counted))
            }
            None => Total::at_least(counted),
        };
        Ok(page)
    }

    /// Looks for the page among the newest items. If they have too few matches for the page or for
    /// a total, reads the index, which does not return them in order.
    fn page_by_index(
        self,
        queries: IndexQueries,
        connection: &mut PgConnection,
        paging: PageRequest,
    ) -> QueryResult<Page<i64>> {
        let Self { from, id, .. } = self;
        let newest = match queries.newest {
            Some(newest) => in_index_order(connection, |connection| {
                load_ids(connection, select_ids(newest, id, usize::MAX))
            })?,
            None => Vec::new(),
        };
        let mut counted = newest.len();
        // `None` if the page is found in the order of the ids.
        let mut sorted = (counted <= MAX_COUNTED).then_some((queries.sorted, queries.sorted_id));
        if let Some(range) = queries.in_range.filter(|_| counted <= MAX_COUNTED) {
            match range.find(&from, id, MAX_COUNTED, connection)? {
                RangeResult::All(matches) => return Ok(page_of(matches, paging)),
                RangeResult::Many(in_range) => {
                    counted = MAX_COUNTED + 1;
                    sorted = in_range.map(|in_range| (in_range, id));
                }
                RangeResult::Unknown => {}
            }
        }
        if counted <= MAX_COUNTED {
            let matches = queries.indexed.load(connection, |from, connection| {
                load_ids(connection, select_ids(from, id, MAX_COUNTED + 1))
            })?;
            if matches.len() <= MAX_COUNTED {
                return Ok(page_of(matches, paging));
            }
            let distinct: HashSet<i64> = matches.into_iter().collect();
            counted = distinct.len();
        }
        let mut page = if newest.len() >= items_needed(paging) {
            page_of(newest, paging)
        } else if let Some((sorted, id)) = sorted {
            sorted.load(connection, |from, connection| {
                load_page(connection, page_statement(from, id, None, paging), paging)
            })?
        } else {
            in_index_order(connection, |connection| {
                load_page(connection, page_statement(from, id, None, paging), paging)
            })?
        };
        page.total = Total::at_least(counted.min(MAX_COUNTED) as u64);
        Ok(page)
    }

    fn ranked_page(
        self,
        connection: &mut PgConnection,
        paging: PageRequest,
    ) -> QueryResult<Page<i64>> {
        let Self { from, id, rank, .. } = self;
        let mut count = Statement::default();
        count.push("SELECT count(*) AS total").append(from.clone());
        let totals: Vec<TotalRow> = count.load(connection)?;
        let total = totals.first().map_or(0, |row| row.total.unsigned_abs());
        // Later pages keep the order of the page that created their cursor, even if the total has
        // passed the maximum since.
        let rank = rank.filter(|_| match paging.start {
            PageStart::Offset(_) => total <= MAX_RANKED_ROWS,
            PageStart::Cursor(cursor) => cursor.rank.is_some(),
        });
        let statement = page_statement(from, id, rank.as_deref(), paging);
        let mut items: Vec<ItemRow> = statement.load(connection)?;
        let limit = paging.limit as usize;
        let has_next = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_next);
        Ok(Page {
            total: Total::exact(total),
            search_is_complete: true,
            next: last.map(|last| Cursor {
                id: last.id,
                rank: rank.is_some().then_some(last.rank),
                ranked_ids: None,
            }),
            items: items.into_iter().map(|item| item.id).collect(),
        })
    }
}

/// Returns the number of items from the start of the list, or from the cursor, to the first one
/// after the page.
pub(crate) fn items_needed(paging: PageRequest) -> usize {
    let needed = paging.limit as usize + 1;
    match paging.start {
        PageStart::Offset(offset) => needed.saturating_add(offset as usize),
        PageStart::Cursor(_) => needed,
    }
}

/// Returns a page of these ids, which are in any order. Its total is their number.
fn page_of(mut ids: Vec<i64>, paging: PageRequest) -> Page<i64> {
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids.dedup();
    let total = Total::exact(ids.len() as u64);
    let skipped = match paging.start {
        PageStart::Offset(offset) => usize::try_from(offset).unwrap_or(usize::MAX),
        PageStart::Cursor(cursor) => ids.partition_point(|id| *id >= cursor.id),
    };
    let mut items: Vec<i64> = ids.into_iter().skip(skipped).collect();
    let next = truncate(&mut items, paging);
    Page {
        items,
        total,
        search_is_complete: true,
        next,
    }
}

/// Loads a page, without its total.
fn load_page(
    connection: &mut PgConnection,
    statement: Statement,
    paging: PageRequest,
) -> QueryResult<Page<i64>> {
    let mut items = load_ids(connection, statement)?;
    let next = truncate(&mut items, paging);
    Ok(Page {
        items,
        total: Total::at_least(0),
        search_is_complete: true,
        next,
    })
}

/// Removes the items after the page. Returns the position of its last item if there were any.
fn truncate(items: &mut Vec<i64>, paging: PageRequest) -> Option<Cursor> {
    let limit = paging.limit as usize;
    let has_next = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| has_next);
    last.map(|id| Cursor {
        ranked_ids: None,
        id: *id,
        rank: None,
    })
}

/// Returns the statement that selects the items of a page, and one more, which shows whether there
/// is a next page.
fn page_statement(from: Statement, id: &str, rank: Option<&str>, paging: PageRequest) -> Statement {
    let mut page = Statement::default();
    match (rank, paging.start) {
        (None, start) => {
            page.push(&format!("SELECT {id} AS id, 0::real AS rank"));
            page.append(from);
            if let PageStart::Cursor(cursor) = start {
                let last_id = page.bind(Value::Integer(cursor.id));
                page.push(&format!(" AND {id} < {last_id}"));
            }
            page.push(&format!(" ORDER BY {id} DESC"));
        }
        (Some(rank), start) => {
            page.push(&format!(
                "SELECT id, rank FROM (SELECT {id} AS id, {rank} AS rank"
            ));
            page.append(from).push(") AS ranked");
            if let PageStart::Cursor(Cursor {
                id: last_id,
                rank: Some(last_rank),
                ..
            }) = start
            {
                let last_rank = page.bind(Value::Float(last_rank));
                let last_id = page.bind(Value::Integer(last_id));
                page.push(&format!(" WHERE (rank, id) < ({last_rank}, {last_id})"));
            }
            page.push(" ORDER BY rank DESC, id DESC");
        }
    }
    let limit = page.bind(Value::Integer(i64::from(paging.limit) + 1));
    page.push(&format!(" LIMIT {limit}"));
    if let PageStart::Offset(offset) = paging.start {
        let offset = page.bind(Value::Integer(offset.try_into().unwrap_or(i64::MAX)));
        page.push(&format!(" OFFSET {offset}"));
    }
    page
}
