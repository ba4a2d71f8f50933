//! Checks that SQL statements are restricted to one workspace.

use std::collections::BTreeSet;

/// Tables and views whose rows belong to a workspace: all except `workspaces`.
pub const WORKSPACE_TABLES: [&str; 14] = [
    "api_keys",
    "audit_events",
    "device_events",
    "devices",
    "devices_mdm",
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

/// Statements that span all workspaces on purpose: their beginning, their end, and the reason.
const CROSS_WORKSPACE_STATEMENTS: [(&str, &str, &str); 9] = [
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
        "/* all workspaces */ vacuum (analyze, truncate false) users, ",
        "",
        "an erasure removes dead rows and statistics",
    ),
];

/// Returns an error message for a statement that reads or writes rows without a filter on their
/// workspace. Each occurrence of one of [`WORKSPACE_TABLES`], except as the qualifier of a
/// column, needs a filter `workspace_id = $n` on a relation of its own, or `workspace_id` as the
/// first column that an INSERT or COPY writes.
pub fn missing_workspace_filter(statement: &str) -> Option<String> {
    let statement = normalize(statement);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let references = statement
        .match_indices(is_word)
        .filter(|(at, _)| !statement[..*at].ends_with(is_word))
        // The name after AS is an alias, not a table.
        .filter(|(at, _)| !statement[..*at].ends_with(" as "))
        .filter(|(at, _)| {
            let rest = &statement[*at..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            WORKSPACE_TABLES.contains(&&rest[..end]) && !rest[end..].starts_with('.')
        });
    let columns = |verb| {
        let writes = statement.match_indices(verb);
        let columns = writes.filter_map(|(at, _)| statement[at..].split_once('('));
        columns.filter(|(_, columns)| columns.trim_start().starts_with("workspace_id"))
    };
    let written = columns("insert into ").count() + columns("copy ").count();
    let filtered: BTreeSet<&str> = statement
        .match_indices("workspace_id = $")
        .filter_map(|(at, _)| statement[..at].split([' ', '(']).next_back())
        .collect();
    let is_cross_workspace = CROSS_WORKSPACE_STATEMENTS
        .iter()
        .any(|(begin, end, _)| statement.starts_with(begin) && statement.ends_with(end));
    (references.count() > filtered.len() + written && !is_cross_workspace)
        .then(|| format!("a statement without its workspace_id: {statement}"))
}

/// Converts a statement to lower case without double quotes, with single spaces. Empties the
/// literals, whose words name no tables.
fn normalize(statement: &str) -> String {
    let outside_literals: Vec<_> = statement.split('\'').step_by(2).collect();
    let plain = outside_literals.join("''").to_lowercase().replace('"', "");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filtered_statements_are_accepted() {
        for statement in [
            "SELECT 1",
            "SELECT \"workspaces\".\"id\" FROM \"workspaces\" WHERE \"workspaces\".\"id\" = $1",
            "SELECT id FROM \"users\" WHERE (\"users\".\"workspace_id\" = $1) AND id = $2",
            "INSERT INTO \"devices\" (\"workspace_id\", \"id\") VALUES ($1, $2)",
            "COPY \"devices\" (\"workspace_id\", \"id\") FROM STDIN WITH (FORMAT binary)",
            "UPDATE devices_mdm SET device_id = 1 FROM devices WHERE devices.workspace_id = $1 \
             AND devices_mdm.workspace_id = $1",
            "SELECT 'users', 'it''s', id FROM devices WHERE devices.workspace_id = $1",
            "SELECT 1 FROM (SELECT * FROM devices AS owner WHERE owner.workspace_id = $1) AS devices",
            "SELECT \"api_keys\".\"id\", 1 FROM \"api_keys\" ORDER BY \"api_keys\".\"id\"",
        ] {
            assert_eq!(missing_workspace_filter(statement), None);
        }
    }

    #[test]
    fn unfiltered_statements_are_reported() {
        for statement in [
            "SELECT workspace_id FROM users",
            "SELECT * FROM \"users\" WHERE \"users\".\"id\" = $1",
            "INSERT INTO devices (id, name) VALUES ($1, $2)",
            "UPDATE devices SET name = $1 WHERE id = $2 RETURNING workspace_id",
            "DELETE FROM devices",
            "DELETE FROM devices ORDER BY created_at LIMIT 50)",
            "SELECT 1 FROM workspaces, devices",
            "SELECT 1 FROM public.devices",
            "DELETE FROM ONLY devices USING users WHERE users.workspace_id = $1",
            "SELECT 1 FROM devices, users WHERE devices.workspace_id = $1 AND devices.workspace_id = $2",
            "UPDATE devices_mdm SET device_id = 1 FROM devices WHERE devices.workspace_id = $1",
            "SELECT * FROM devices JOIN users ON users.id = user_id WHERE devices.workspace_id = $1",
        ] {
            assert!(missing_workspace_filter(statement).is_some(), "{statement}");
        }
    }
}
