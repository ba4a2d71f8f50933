//! Queries for matches that no index returns in the order of their ids.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::postgres::query::local_settings::{in_index_order, probing_index};
use crate::postgres::query::statement::{IdRow, Statement, Value};

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// A query as FROM and WHERE clauses that are cheap where an index helps that is not in the order
/// of the ids. All contain the exact conditions.
pub(crate) struct IndexQueries {
    /// Selects matches among the newest items only: those before the cursor of the page, if it has
    /// one. `None` if the other queries are cheap for every value.
    pub(crate) newest: Option<Statement>,
    /// Selects all matches, through the index. May return an item twice.
    pub(crate) indexed: IndexQuery,
    /// Replaces `indexed` if it finds all matches, or many.
    pub(crate) in_range: Option<RangeQuery>,
    /// Selects at least the matches of the page, through the index, once each.
    pub(crate) sorted: IndexQuery,
    /// SQL expression for the id in `sorted`.
    pub(crate) sorted_id: &'static str,
}

/// FROM and WHERE clauses.
pub(crate) struct IndexQuery {
    pub(crate) from: Statement,
    /// `true` if the plan must read indexes in their order.
    pub(crate) in_index_order: bool,
}

/// A query for matches that two indexes have: one has a range of items, another one the words of
/// candidates. Reads those of the index that has few.
pub(crate) struct RangeQuery {
    /// Selects at least the items of the range, to count them.
    pub(crate) range: Statement,
    /// Selects the matches among the first [`FIRST_ITEMS`](Self::FIRST_ITEMS) of the range.
    pub(crate) first: IndexQuery,
    /// Selects the matches among the first [`MAX_ITEMS`](Self::MAX_ITEMS) of the range.
    pub(crate) all: IndexQuery,
    /// Selects all candidates.
    pub(crate) candidates: Statement,
    /// SQL expression for the id of a candidate.
    pub(crate) candidate_id: &'static str,
    /// Selects at least the matches of the page if the range has many. `None` if the query is cheap
    /// in the order of the ids then.
    pub(crate) sorted: Option<IndexQuery>,
}

/// Result of a [`RangeQuery`].
pub(crate) enum RangeResult {
    /// All matches, each at least once.
    All(Vec<i64>),
    /// More items match than are counted. Contains [`RangeQuery::sorted`].
    Many(Option<IndexQuery>),
    /// Both indexes have too many items.
    Unknown,
}

impl IndexQuery {
    pub(super) fn load<T>(
        self,
        connection: &mut PgConnection,
        load: impl FnOnce(Statement, &mut PgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let Self {
            from,
            in_index_order: is_ordered,
        } = self;
        if is_ordered {
            in_index_order(connection, |connection| load(from, connection))
        } else {
            load(from, connection)
        }
    }
}

impl RangeQuery {
    /// Number of items that are read first. If matches are frequent among them, they are many.
    pub(crate) const FIRST_ITEMS: usize = 5_000;

    /// Number of items up to which a range is read completely.
    pub(crate) const MAX_ITEMS: usize = 50_000;

    /// Number of candidates up to which all are read before the rest of a short range. Each costs a
    /// look-up by its id, which takes several times as long as reading the next item of a range.
    const FEW_CANDIDATES: usize = 2_000;

    /// Number of candidates up to which all are read if the range is long.
    const MAX_CANDIDATES: usize = 12_000;

    /// Finds matches through the index that has few items. Stops if more than `max_counted` match
    /// early. `from` contains the exact conditions, and `id` is the expression for the id in it.
    pub(super) fn find(
        self,
        from: &Statement,
        id: &str,
        max_counted: usize,
        connection: &mut PgConnection,
    ) -> QueryResult<RangeResult> {
        let first = self.first.load(connection, |from, connection| {
            load_ids(connection, select_ids(from, id, max_counted + 1))
        })?;
        if first.len() > max_counted {
            return Ok(RangeResult::Many(self.sorted));
        }
        if has_fewer(&self.range, Self::FIRST_ITEMS, connection)? {
            return Ok(RangeResult::All(first));
        }
        let among_candidates = |max: usize, connection: &mut PgConnection| {
            let candidates = self.candidates.clone();
            let select = select_ids(candidates, self.candidate_id, max + 1);
            let candidates = load_ids(connection, select)?;
            let is_complete = candidates.len() <= max;
            let matches =
                is_complete.then(|| matches_among(candidates, from.clone(), id, connection));
            matches.transpose()
        };
        if let Some(matches) = among_candidates(Self::FEW_CANDIDATES, connection)? {
            return Ok(RangeResult::All(matches));
        }
        if has_fewer(&self.range, Self::MAX_ITEMS, connection)? {
            let matches = self.all.load(connection, |from, connection| {
                load_ids(connection, select_ids(from, id, usize::MAX))
            })?;
            return Ok(RangeResult::All(matches));
        }
        let matches = among_candidates(Self::MAX_CANDIDATES, connection)?;
        Ok(matches.map_or(RangeResult::Unknown, RangeResult::All))
    }
}

/// Returns whether a query selects fewer than `max` items.
fn has_fewer(from: &Statement, max: usize, connection: &mut PgConnection) -> QueryResult<bool> {
    let mut statement = Statement::default();
    statement.push("SELECT count(*) AS count FROM (SELECT true");
    statement.append(from.clone());
    let max = max.try_into().unwrap_or(i64::MAX);
    let limit = statement.bind(Value::Integer(max));
    statement.push(&format!(" LIMIT {limit}) AS item"));
    let counts: Vec<CountRow> =
        in_index_order(connection, |connection| statement.load(connection))?;
    Ok(counts.iter().all(|row| row.count < max))
}

/// Returns the ids of those candidates that match.
fn matches_among(
    candidates: Vec<i64>,
    mut from: Statement,
    id: &str,
    connection: &mut PgConnection,
) -> QueryResult<Vec<i64>> {
    let candidates = from.bind(Value::Integers(candidates));
    from.push(&format!(" AND {id} = ANY ({candidates})"));
    let select = select_ids(from, id, usize::MAX);
    probing_index(connection, |connection| load_ids(connection, select))
}

/// Returns the statement that selects at most `max` ids in any order.
pub(super) fn select_ids(from: Statement, id: &str, max: usize) -> Statement {
    let mut statement = Statement::default();
    statement.push(&format!("SELECT {id} AS id")).append(from);
    let max = statement.bind(Value::Integer(max.try_into().unwrap_or(i64::MAX)));
    statement.push(&format!(" LIMIT {max}"));
    statement
}

pub(super) fn load_ids(
    connection: &mut PgConnection,
    statement: Statement,
) -> QueryResult<Vec<i64>> {
    let rows: Vec<IdRow> = statement.load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
