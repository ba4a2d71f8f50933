//! Rules for SQL statements: each is limited to one workspace, and Citus can run it.
//!
//! The tests pass every statement that the server, the jobs and the commands send. The rules are
//! about the text of a statement, so no cluster is needed to enforce them.

mod advisory_locks;
mod expressions;
mod parse;
mod routing;
#[cfg(test)]
mod tests;
mod volatility;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;

use sqlparser::ast::{Query, Statement, Visit, Visitor};

/// Tables and views whose rows belong to a workspace: all except `workspaces`.
pub const WORKSPACE_TABLES: [&str; 17] = [
    "api_keys",
    "audit_events",
    "batches",
    "console_sessions",
    "device_events",
    "devices",
    "devices_mdm",
    "event_feeds",
    "idempotency_keys",
    "rate_limits",
    "search_documents",
    "search_queue",
    "searchable_devices",
    "usage_changes",
    "usage_counts",
    "users",
    "workspace_rate_limits",
];

/// Statements that span all workspaces on purpose: their beginning, their end, and the reason. Each
/// is a plain read, which Citus sends to every shard.
const CROSS_WORKSPACE_STATEMENTS: [(&str, &str, &str); 13] = [
    (
        "select from ",
        " limit 0",
        "the server checks its privileges without reading a row",
    ),
    (
        "select api_keys.id, ",
        " from api_keys where (api_keys.id = $1) limit $2",
        "administrators name a key by its id",
    ),
    (
        "select api_keys.id, ",
        " from api_keys order by api_keys.id",
        "administrators list all keys",
    ),
    (
        "select users.id, ",
        " from users where (users.deleted_at is null) order by users.id",
        "administrators list all users",
    ),
    (
        "/* all workspaces */ with purge_lock as ",
        " order by created_at limit 50",
        "a job deletes old idempotency keys",
    ),
    (
        "/* all workspaces */ select distinct workspace_id from console_sessions where expires_at ",
        "",
        "a job deletes expired sessions",
    ),
    (
        "/* all workspaces */ select workspace_id from search_queue where workspace_id > $1",
        " order by workspace_id limit 1",
        "the indexing job takes one workspace after the other",
    ),
    (
        "/* all workspaces */ select coalesce(sum(device_count), 0) as devices,",
        " from search_queue",
        "a job measures the indexing queue",
    ),
    (
        "/* all workspaces */ select distinct workspace_id from usage_changes",
        "",
        "a job merges the recorded changes of usage",
    ),
    (
        "/* all workspaces */ select workspaces.id as workspace_id from workspaces",
        "",
        "a job counts the usage of workspaces again",
    ),
    (
        "/* all workspaces */ select event_feeds.workspace_id, last_position,",
        " from event_feeds where event_feeds.workspace_id = any ($1)",
        "a job looks for events that requests wait for",
    ),
    (
        "/* all workspaces */ select coalesce(extract(epoch from now() - min(oldest)), 0)",
        "",
        "a job measures the lag of the event feeds",
    ),
    (
        "/* all workspaces */ select workspace_id from event_feeds where read_at > ",
        "",
        "a job looks for the event feeds that are read",
    ),
];

/// First words of statements that read and write rows. The rules are about these. Other statements
/// control transactions and sessions, or run on all nodes as they are (`VACUUM`, DDL).
const ROW_STATEMENTS: [&str; 8] = [
    "select", "with", "insert", "update", "delete", "copy", "values", "merge",
];

/// Returns a description of each rule that a statement breaks.
///
/// Remembers the advisory locks of all statements of this process: two that take the same lock must
/// run on the same kind of node.
pub fn statement_violations(statement: &str) -> Vec<String> {
    static CHECKED: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());
    let mut checked = CHECKED.lock().expect("no thread panics with the lock");
    if let Some(violations) = checked.get(statement) {
        return violations.clone();
    }
    let violations: Vec<_> = check(statement)
        .into_iter()
        .map(|violation| format!("{violation}, in the statement: {statement}"))
        .collect();
    checked.insert(statement.to_owned(), violations.clone());
    violations
}

fn check(statement: &str) -> Vec<String> {
    let normalized = normalize(statement);
    let statements = match parse::parse(statement) {
        Ok(statements) => statements,
        Err(_) if !is_row_statement(&normalized) => return Vec::new(),
        Err(error) => return vec![format!("unknown syntax ({error})")],
    };
    let mut violations = Vec::new();
    if is_cross_workspace(&normalized) {
        if !statements.iter().all(is_plain_read) {
            violations.push("only a read without locks may span all workspaces".to_owned());
        }
    } else {
        violations.extend(routing::violations(&statements));
    }
    violations.extend(statements.iter().flat_map(volatility::violations));
    violations.extend(statements.iter().flat_map(expressions::violations));
    let takers = advisory_locks::TAKERS.lock();
    let mut takers = takers.expect("no thread panics with the lock");
    violations.extend(takers.add(&statements));
    violations
}

fn is_cross_workspace(normalized: &str) -> bool {
    CROSS_WORKSPACE_STATEMENTS
        .iter()
        .any(|(begin, end, _)| normalized.starts_with(begin) && normalized.ends_with(end))
}

fn is_row_statement(normalized: &str) -> bool {
    let comment_end = normalized.find("*/ ").map_or(0, |at| at + "*/ ".len());
    let text = if normalized.starts_with("/*") {
        &normalized[comment_end..]
    } else {
        normalized
    };
    let first = text.split([' ', '(']).next().unwrap_or_default();
    ROW_STATEMENTS.contains(&first)
}

/// Returns whether a statement neither writes nor locks rows, its subqueries included.
fn is_plain_read(statement: &Statement) -> bool {
    struct PlainRead;
    impl Visitor for PlainRead {
        type Break = ();

        fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
            continue_if(matches!(statement, Statement::Query(_)))
        }

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            continue_if(query.locks.is_empty())
        }
    }
    fn continue_if(condition: bool) -> ControlFlow<()> {
        if condition {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
    statement.visit(&mut PlainRead).is_continue()
}

/// Converts a statement to lower case without double quotes, with single spaces. Empties the
/// literals, whose words name no tables.
fn normalize(statement: &str) -> String {
    let outside_literals: Vec<_> = statement.split('\'').step_by(2).collect();
    let plain = outside_literals.join("''").to_lowercase().replace('"', "");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
