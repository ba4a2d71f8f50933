//! Pagination of query results, by cursor (keyset pagination) or by offset.

use devices_domain::{Cursor, Page, PageRequest, PageStart, Total};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Float};

use crate::postgres::query::statement::{Statement, Value};

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

/// Largest result set that is sorted by rank. Larger ones are sorted by id, newest first: ranking
/// would take seconds, and distinguishes little if nearly every row matches.
const MAX_RANKED_ROWS: u64 = 100_000;

/// A query whose result is returned in pages.
pub(crate) struct PagedQuery {
    /// FROM and WHERE clauses. WHERE is required: [`page`](Self::page) appends conditions to it.
    pub(crate) from: Statement,
    /// SQL expression for the id of an item.
    pub(crate) id: &'static str,
    /// SQL expression of type `real` for the rank (relevance) of an item. `None` if items are
    /// sorted by id alone.
    pub(crate) rank: Option<String>,
}

impl PagedQuery {
    /// Returns a page of item ids, by rank and then id, both descending. By id alone if there is no
    /// rank, or too many rows match.
    ///
    /// The total takes a statement of its own. Both statements see the same rows only in a snapshot
    /// ([`Database::read`](crate::postgres::connection::database::Database)).
    pub(crate) fn page(
        self,
        connection: &mut PgConnection,
        paging: PageRequest,
    ) -> QueryResult<Page<i64>> {
        let Self { from, id, rank } = self;
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
            }),
            items: items.into_iter().map(|item| item.id).collect(),
        })
    }
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
