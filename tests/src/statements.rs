//! Whether a statement keeps to one workspace.

use std::collections::BTreeSet;

/// Tables and views whose rows belong to a workspace: all but the workspaces themselves.
pub const TENANT_TABLES: [&str; 10] = [
    "api_keys",
    "device_documents",
    "device_events",
    "device_search",
    "device_search_queue",
    "devices",
    "devices_mdm",
    "idempotency_keys",
    "rate_limits",
    "users",
];

/// What goes over all workspaces because it must, by how it begins and ends.
const OVER_ALL: [(&str, &str, &str); 6] = [
    (
        "select api_keys.id, ",
        " from api_keys where (api_keys.id = $1) limit $2",
        "who administers the service names a key by its number",
    ),
    (
        "select api_keys.id, ",
        " from api_keys order by api_keys.id",
        "and lists all keys",
    ),
    (
        "select users.id, ",
        " from users where (users.deleted_at is null) order by users.id",
        "and all users",
    ),
    (
        "/* all workspaces */ with turn as ",
        " order by created_at limit 50)",
        "old idempotency keys are forgotten",
    ),
    (
        "select device_search_queue.id from device_search_queue limit $1",
        "",
        "whether any device waits to be indexed",
    ),
    (
        "/* all workspaces */ select workspace_id, id, device_ids from device_search_queue",
        " for update skip locked",
        "devices wait to be indexed in one queue",
    ),
];

/// What is wrong with a statement that touches rows of a workspace without saying of which. Each time
/// that it names one of [`TENANT_TABLES`], other than before a column, another relation must be held
/// to a workspace, or the workspace must be the first of the columns that are written.
pub fn complaint_about(statement: &str) -> Option<String> {
    let statement = normal(statement);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let touched = statement
        .match_indices(is_word)
        .filter(|(at, _)| !statement[..*at].ends_with(is_word))
        .filter(|(at, _)| {
            let rest = &statement[*at..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            TENANT_TABLES.contains(&&rest[..end]) && !rest[end..].starts_with('.')
        });
    let columns = |verb| {
        let written = statement.match_indices(verb);
        let columns = written.filter_map(|(at, _)| statement[at..].split_once('('));
        columns.filter(|(_, columns)| columns.trim_start().starts_with("workspace_id"))
    };
    let written = columns("insert into ").count() + columns("copy ").count();
    let held: BTreeSet<&str> = statement
        .match_indices("workspace_id = $")
        .filter_map(|(at, _)| statement[..at].split([' ', '(']).next_back())
        .collect();
    let is_over_all = OVER_ALL
        .iter()
        .any(|(begin, end, _)| statement.starts_with(begin) && statement.ends_with(end));
    (touched.count() > held.len() + written && !is_over_all)
        .then(|| format!("a statement without its workspace_id: {statement}"))
}

/// In lower case, without quotes, with single spaces.
fn normal(statement: &str) -> String {
    let plain = statement.to_lowercase().replace('"', "");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_one_workspace_pass() {
        for statement in [
            "SELECT 1",
            "SELECT \"workspaces\".\"id\" FROM \"workspaces\" WHERE \"workspaces\".\"id\" = $1",
            "SELECT id FROM \"users\" WHERE (\"users\".\"workspace_id\" = $1) AND id = $2",
            "INSERT INTO \"devices\" (\"workspace_id\", \"id\") VALUES ($1, $2)",
            "COPY \"devices\" (\"workspace_id\", \"id\") FROM STDIN WITH (FORMAT binary)",
            "UPDATE devices_mdm SET device_id = 1 FROM devices WHERE devices.workspace_id = $1 \
             AND devices_mdm.workspace_id = $1",
            "SELECT \"api_keys\".\"id\", 1 FROM \"api_keys\" ORDER BY \"api_keys\".\"id\"",
        ] {
            assert_eq!(complaint_about(statement), None);
        }
    }

    #[test]
    fn statements_over_all_workspaces_do_not() {
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
            assert!(complaint_about(statement).is_some(), "{statement}");
        }
    }
}
