//! Pages of lists that are found by statements of our own.

use devices_domain::{Cursor, Page, PageRequest, PageStart};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Float};

use crate::postgres::connection::database::Id;
use crate::postgres::query::statement::{Statement, Value};

#[derive(QueryableByName)]
struct Ranked {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Float)]
    rank: f32,
}

/// Where more is found than this, it comes in the order of numbers, newest first: to compare all would
/// take seconds, and says little where nearly everything is meant.
const MOST_RANKED: u64 = 100_000;

/// What a list holds: FROM and WHERE of a statement, and the expressions that tell its items' numbers
/// and how relevant they are.
pub(crate) struct List {
    pub(crate) from: Statement,
    pub(crate) id: &'static str,
    /// `None` where all are alike: then the number alone decides.
    pub(crate) rank: Option<String>,
}

impl List {
    /// A page of the items' numbers: the most relevant first, then the newest.
    pub(crate) fn page(
        self,
        connection: &mut PgConnection,
        paging: PageRequest,
    ) -> QueryResult<Page<i64>> {
        let Self { from, id, rank } = self;
        let mut count = Statement::default();
        count.push("SELECT count(*) AS id").append(from.clone());
        let totals: Vec<Id> = count.load(connection)?;
        let total = totals.first().map_or(0, |total| total.id.unsigned_abs());
        let rank = rank.filter(|_| match paging.start {
            PageStart::Offset(_) => total <= MOST_RANKED,
            PageStart::Cursor(position) => position.rank.is_some(),
        });

        let mut page = Statement::default();
        match (&rank, paging.start) {
            (None, start) => {
                page.push(&format!("SELECT {id} AS id, 0::real AS rank"));
                page.append(from);
                if let PageStart::Cursor(position) = start {
                    let last = page.value(Value::Integer(position.id));
                    page.push(&format!(" AND {id} < {last}"));
                }
                page.push(&format!(" ORDER BY {id} DESC"));
            }
            (Some(rank), start) => {
                page.push(&format!(
                    "SELECT id, rank FROM (SELECT {id} AS id, {rank} AS rank"
                ));
                page.append(from).push(") AS ranked");
                if let PageStart::Cursor(Cursor {
                    id: last,
                    rank: Some(rank),
                }) = start
                {
                    let rank = page.value(Value::Float(rank));
                    let last = page.value(Value::Integer(last));
                    page.push(&format!(" WHERE (rank, id) < ({rank}, {last})"));
                }
                page.push(" ORDER BY rank DESC, id DESC");
            }
        }
        // One more tells whether more come.
        let limit = page.value(Value::Integer(i64::from(paging.limit) + 1));
        page.push(&format!(" LIMIT {limit}"));
        if let PageStart::Offset(offset) = paging.start {
            let offset = page.value(Value::Integer(offset.try_into().unwrap_or(i64::MAX)));
            page.push(&format!(" OFFSET {offset}"));
        }
        let mut ranked: Vec<Ranked> = page.load(connection)?;
        let limit = paging.limit as usize;
        let has_more = ranked.len() > limit;
        ranked.truncate(limit);
        let last = ranked.last().filter(|_| has_more);
        Ok(Page {
            total,
            next: last.map(|last| Cursor {
                id: last.id,
                rank: rank.is_some().then_some(last.rank),
            }),
            items: ranked.into_iter().map(|item| item.id).collect(),
        })
    }
}
