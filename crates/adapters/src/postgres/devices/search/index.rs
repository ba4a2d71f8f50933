//! Finds the indexed devices that match a search.

use std::collections::BTreeSet;

use devices_domain::{ClientStatus, DeviceFilter};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::plan::{self, Candidates, Plan, Properties, WordProperties};
use super::range::Range;
use super::sample::{self, HEAD_SIZE};
use super::source::{Query, first_documents, order_by_id};
use super::terms::Terms;
use crate::postgres::devices::{filter, value_filter};
use crate::postgres::query::local_settings::with_settings;
use crate::postgres::query::statement::{IdRow, Statement, Value};

/// Returns the ids of the matches of a range from the position `skip` on, in the order of the
/// range. Returns at most `max` of them, and fewer only at the end.
///
/// Compares the first documents, and only if matches are rare among them, samples of the whole
/// range, from which [`plan::choose`] estimates the cost of each way.
pub(super) fn find(
    query: &Query<'_>,
    range: Range,
    skip: u64,
    max: u64,
    connection: &mut PgConnection,
) -> QueryResult<Vec<i64>> {
    let wanted = skip.saturating_add(max);
    let head = sample::head(query, &range, connection)?;
    if head.documents.unsigned_abs() < HEAD_SIZE {
        // The head is the whole range.
        return scan(query, &range, Some(HEAD_SIZE), skip, max, connection);
    }
    if let Some(documents) = plan::scan_of_head(&head, wanted) {
        let found = scan(query, &range, Some(documents), skip, max, connection)?;
        if found.len() as u64 == max {
            return Ok(found);
        }
    }
    let spots = sample::spots(query, &range, connection)?;
    let properties = properties(query.terms, query.filter);
    let plan = plan::choose(&properties, &head, &spots, range, wanted);
    let found = execute(&plan, query, &range, skip, max, connection)?;
    match plan.for_whole_range(range) {
        // Matches are rarer than the samples showed.
        Some(plan) if (found.len() as u64) < max => {
            execute(&plan, query, &range, skip, max, connection)
        }
        _ => Ok(found),
    }
}

fn execute(
    plan: &Plan,
    query: &Query<'_>,
    range: &Range,
    skip: u64,
    max: u64,
    connection: &mut PgConnection,
) -> QueryResult<Vec<i64>> {
    match plan {
        Plan::Scan(documents) => scan(query, range, *documents, skip, max, connection),
        Plan::Devices => scan_devices(query, range, skip, max, connection),
        Plan::Index {
            candidates,
            range: part,
        } => scan_candidates(query, candidates, part, skip, max, connection),
    }
}

fn properties(terms: &Terms, filter: &DeviceFilter) -> Properties {
    let mut filters = Vec::new();
    if filter.user.is_some() {
        filters.push(Candidates::Assignee);
    }
    if filter.client_status == Some(ClientStatus::Archived) {
        filters.push(Candidates::Archived);
    }
    filters.extend(value_filter::tsquery(filter).map(Candidates::Values));
    let words = terms.words().map(|(_, word)| WordProperties {
        is_indexed: word.assignees().is_some(),
        has_short_lexeme: word.has_short_lexeme,
    });
    Properties {
        words: words.collect(),
        filters,
        needs_devices: filter::needs_devices(filter),
        has_device_index: filter::has_device_index(filter),
    }
}

/// Compares the first `documents` of a range in the order of their ids, or all of them.
fn scan(
    query: &Query<'_>,
    range: &Range,
    documents: Option<u64>,
    skip: u64,
    max: u64,
    connection: &mut PgConnection,
) -> QueryResult<Vec<i64>> {
    // The primary key returns the documents in this order. The planner may otherwise read all of
    // the table and sort it.
    const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                            SET LOCAL enable_sort = off";
    let mut statement = query.statement();
    let documents = documents.unwrap_or(u64::MAX);
    let source = first_documents(range, documents, &mut statement);
    select_ids(query, &source, range, skip, max, &mut statement);
    load_ids(statement, SETTINGS, connection)
}

/// Compares the documents of the devices that the filter selects, in the order of their ids.
fn scan_devices(
    query: &Query<'_>,
    range: &Range,
    skip: u64,
    max: u64,
    connection: &mut PgConnection,
) -> QueryResult<Vec<i64>> {
    const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off";
    let mut statement = query.statement();
    let in_range = range.condition("devices.id", &mut statement);
    filter::push_conditions(&mut statement, query.filter, "devices");
    let conditions = statement.take_text();
    let direction = range.order.direction();
    let source = format!(
        "SELECT selected.id AS device_id, indexed.user_id, indexed.identifiers, \
             indexed.is_archived, indexed.document \
         FROM (SELECT devices.id FROM devices \
               WHERE devices.workspace_id = $1 AND {in_range}{conditions} \
               ORDER BY devices.workspace_id {direction}, devices.id {direction}) AS selected \
         CROSS JOIN LATERAL ( \
             SELECT * FROM search_documents \
             WHERE search_documents.workspace_id = $1 \
               AND search_documents.device_id = selected.id LIMIT 1) AS indexed"
    );
    select_ids(query, &source, range, skip, max, &mut statement);
    load_ids(statement, SETTINGS, connection)
}

/// Compares the documents of a range that are candidates.
fn scan_candidates(
    query: &Query<'_>,
    candidates: &Candidates,
    range: &Range,
    skip: u64,
    max: u64,
    connection: &mut PgConnection,
) -> QueryResult<Vec<i64>> {
    // The index returns bitmaps. Those of millions of documents take some megabytes.
    const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; \
                            SET LOCAL work_mem = '32MB'";
    let mut statement = query.statement();
    let candidates = candidate_condition(query, candidates, &mut statement);
    let all = Range::all(range.order);
    let in_range = if *range == all {
        String::new()
    } else {
        format!(
            " AND {}",
            range.condition("found.device_id", &mut statement)
        )
    };
    // OFFSET 0 keeps the planner from adding index scans for the other conditions, whose words may
    // be in every document.
    let source = format!(
        "SELECT * FROM search_documents AS found \
         WHERE found.workspace_id = $1 AND ({candidates}){in_range} OFFSET 0"
    );
    select_ids(query, &source, range, skip, max, &mut statement);
    load_ids(statement, SETTINGS, connection)
}

/// Returns the condition that a document `found` is a candidate.
fn candidate_condition(
    query: &Query<'_>,
    candidates: &Candidates,
    statement: &mut Statement,
) -> String {
    match candidates {
        Candidates::Words(words) => word_candidates(query.terms, words, statement),
        Candidates::Assignee => {
            let user = query.filter.user.map_or(0, |user| user.0);
            let user = statement.bind(Value::Integer(user));
            format!("found.user_id = {user}")
        }
        Candidates::Archived => "found.is_archived".to_owned(),
        Candidates::Values(words) => {
            let words = statement.bind(Value::Text(words.clone()));
            format!("found.document @@ {words}::tsquery")
        }
    }
}

/// Returns the condition that a document may match all of these words: it contains all of them, or
/// at least one matches the assignee, or the identifiers contain its term.
fn word_candidates(terms: &Terms, positions: &[usize], statement: &mut Statement) -> String {
    let words = terms.words().enumerate();
    let words = words.filter(|(position, _)| positions.contains(position));
    let words: Vec<_> = words.map(|(_, word)| word).collect();
    let tsqueries = words.iter().map(|(_, word)| word.tsquery.as_str());
    let tsquery = tsqueries.collect::<Vec<_>>().join(" & ");
    let tsquery = statement.bind(Value::Text(tsquery));
    let mut alternatives = vec![format!("found.document @@ {tsquery}::tsquery")];
    let assignees = words.iter().filter_map(|(_, word)| word.assignees());
    let assignees: Vec<i64> = assignees.flatten().copied().collect();
    if !assignees.is_empty() {
        // A subquery: the planner would look up the frequency of each element of a list.
        let assignees = statement.bind(Value::Integers(assignees));
        alternatives.push(format!(
            "found.user_id = ANY (ARRAY(SELECT unnest({assignees})))"
        ));
    }
    let patterns: BTreeSet<&String> = words
        .iter()
        .filter_map(|(term, _)| term.pattern.as_ref())
        .collect();
    for pattern in patterns {
        let pattern = statement.bind(Value::Text(pattern.clone()));
        alternatives.push(format!("found.identifiers LIKE {pattern}"));
    }
    alternatives.join(" OR ")
}

/// Writes the statement that selects the ids of the matching documents of `source`.
fn select_ids(
    query: &Query<'_>,
    source: &str,
    range: &Range,
    skip: u64,
    max: u64,
    statement: &mut Statement,
) {
    statement.push("SELECT found.device_id AS id");
    query.push_from(source, statement);
    let max = statement.bind(Value::Integer(max.try_into().unwrap_or(i64::MAX)));
    let skip = statement.bind(Value::Integer(skip.try_into().unwrap_or(i64::MAX)));
    statement
        .push(&order_by_id(range.order))
        .push(&format!(" LIMIT {max} OFFSET {skip}"));
}

/// Runs a statement with settings of the planner that end with it.
fn load_ids(
    statement: Statement,
    settings: &str,
    connection: &mut PgConnection,
) -> QueryResult<Vec<i64>> {
    let rows: Vec<IdRow> = with_settings(settings, connection, |connection| {
        statement.load(connection)
    })?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
