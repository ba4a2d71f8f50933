//! Samples of the search documents, from which a search estimates how many match.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use super::range::{Order, Range};
use super::source::{DEVICE_OF_DOCUMENT, Query, first_documents};
use crate::postgres::devices::filter;
use crate::postgres::query::statement::{Statement, Value};

/// Number of documents at the start of the range that are compared first.
pub(super) const HEAD_SIZE: u64 = 1_000;

/// Number of places, evenly distributed over the range of ids, at which documents are compared.
const SPOTS: i64 = 32;

/// Number of documents that are compared at each spot.
const SPOT_SIZE: i64 = 32;

/// Counts of a group of sampled documents.
#[derive(Debug, Clone, QueryableByName)]
pub(super) struct Counts {
    /// Number of documents.
    #[diesel(sql_type = BigInt)]
    pub(super) documents: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) first_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) last_id: i64,
    /// Number of documents that match the search and its filters.
    #[diesel(sql_type = BigInt)]
    pub(super) matches: i64,
    /// Number of documents that match the filters.
    #[diesel(sql_type = BigInt)]
    pub(super) selected: i64,
    /// Number of documents that match each word, or whose identifiers contain its term.
    #[diesel(sql_type = Array<BigInt>)]
    pub(super) words: Vec<i64>,
    /// Number of documents whose identifiers contain the term of each word.
    #[diesel(sql_type = Array<BigInt>)]
    pub(super) identifiers: Vec<i64>,
}

impl Counts {
    /// Returns a count as a fraction of the documents.
    pub(super) fn frequency(&self, count: i64) -> f64 {
        count as f64 / self.documents.max(1) as f64
    }
}

/// Counts of a spot.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) counts: Counts,
    /// Estimated number of documents from this spot up to the next one.
    pub(super) represents: f64,
    /// Bounds of the ids up to the next spot: the smallest one, and the one after the largest.
    pub(super) ids: std::ops::Range<i64>,
}

/// Compares the first documents of a range.
pub(super) fn head(
    query: &Query<'_>,
    range: &Range,
    connection: &mut PgConnection,
) -> QueryResult<Counts> {
    let mut statement = query.statement();
    let documents = first_documents(range, HEAD_SIZE, &mut statement);
    let counts = counts(query, &documents, &mut statement);
    statement.push(&counts);
    let rows: Vec<Counts> = statement.load(connection)?;
    rows.into_iter()
        .next()
        .ok_or(diesel::result::Error::NotFound)
}

/// Smallest and largest id.
#[derive(QueryableByName)]
struct EndsRow {
    #[diesel(sql_type = BigInt)]
    lowest: i64,
    #[diesel(sql_type = BigInt)]
    highest: i64,
}

/// Returns the ends of the ids in a range that is not empty.
fn ends(query: &Query<'_>, range: &Range, connection: &mut PgConnection) -> QueryResult<EndsRow> {
    let mut statement = query.statement();
    let mut end = |alias: &str, direction: &str| {
        let in_range = range.condition(&format!("{alias}.device_id"), &mut statement);
        format!(
            "(SELECT {alias}.device_id FROM search_documents AS {alias} \
              WHERE {alias}.workspace_id = $1 AND {in_range} \
              ORDER BY {alias}.workspace_id {direction}, {alias}.device_id {direction} LIMIT 1)"
        )
    };
    let (lowest, highest) = (end("oldest", "ASC"), end("newest", "DESC"));
    statement.push(&format!("SELECT {lowest} AS lowest, {highest} AS highest"));
    let ends: Vec<EndsRow> = statement.load(connection)?;
    ends.into_iter()
        .next()
        .ok_or(diesel::result::Error::NotFound)
}

/// Compares documents all over a range that is not empty. Returns the spots in its order.
pub(super) fn spots(
    query: &Query<'_>,
    range: &Range,
    connection: &mut PgConnection,
) -> QueryResult<Vec<Spot>> {
    let EndsRow { lowest, highest } = ends(query, range, connection)?;
    let width = (highest - lowest) / SPOTS + 1;
    let mut statement = query.statement();
    let lowest_bound = statement.bind(Value::Integer(lowest));
    let highest_bound = statement.bind(Value::Integer(highest));
    let width_bound = statement.bind(Value::Integer(width));
    let documents = format!(
        "SELECT * FROM search_documents WHERE workspace_id = $1 \
         AND device_id >= {lowest_bound} + spot.number * {width_bound} \
         AND device_id <= {highest_bound} \
         ORDER BY workspace_id, device_id LIMIT {SPOT_SIZE}"
    );
    let counts = counts(query, &documents, &mut statement);
    statement.push(&format!(
        "SELECT spot.number, counts.* FROM generate_series(0, {SPOTS} - 1) AS spot (number) \
         CROSS JOIN LATERAL ({counts}) AS counts ORDER BY spot.number"
    ));
    let rows: Vec<Counts> = statement.load(connection)?;
    let spots = rows.into_iter().zip(0..).map(|(counts, number)| {
        let start = lowest + width * number;
        let read = counts.last_id - counts.first_id + 1;
        let is_sparse = counts.documents < SPOT_SIZE;
        // Ids of other workspaces lie between those of this one.
        let density = counts.documents as f64 / read.max(1) as f64;
        Spot {
            represents: if is_sparse || read >= width {
                counts.documents as f64
            } else {
                density * width as f64
            },
            ids: start..start.saturating_add(width),
            counts,
        }
    });
    let mut spots: Vec<Spot> = spots.collect();
    if range.order == Order::NewestFirst {
        spots.reverse();
    }
    Ok(spots)
}

/// Returns the SELECT that counts which of these documents match. `statement` must have no text
/// yet.
fn counts(query: &Query<'_>, documents: &str, statement: &mut Statement) -> String {
    let count = |condition: &str| format!("count(*) FILTER (WHERE {condition})");
    let (mut words, mut identifiers) = (Vec::new(), Vec::new());
    for (term, word) in query.terms.words() {
        words.push(count(&word.necessary_condition(term, statement)));
        identifiers.push(match &term.pattern {
            Some(pattern) => {
                let pattern = statement.bind(Value::Text(pattern.clone()));
                count(&format!("found.identifiers LIKE {pattern}"))
            }
            None => "0".to_owned(),
        });
    }
    let (words, identifiers) = (words.join(", "), identifiers.join(", "));
    let condition = query.terms.condition(statement);
    filter::push_conditions(statement, query.filter, "found");
    let selected = format!("true{}", statement.take_text());
    let devices = if filter::needs_devices(query.filter) {
        DEVICE_OF_DOCUMENT
    } else {
        ""
    };
    let matches = count(&format!("{condition} AND {selected}"));
    let selected = count(&selected);
    format!(
        "SELECT count(*) AS documents, coalesce(min(found.device_id), 0) AS first_id, \
             coalesce(max(found.device_id), 0) AS last_id, {matches} AS matches, \
             {selected} AS selected, ARRAY[{words}]::bigint[] AS words, \
             ARRAY[{identifiers}]::bigint[] AS identifiers \
         FROM ({documents}) AS found{devices}"
    )
}
