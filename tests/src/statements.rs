//! Whether a statement keeps to one workspace.

/// Tables whose rows belong to a workspace: all but the workspaces themselves.
pub const TENANT_TABLES: [&str; 7] = [
    "api_keys",
    "device_events",
    "devices",
    "devices_mdm",
    "idempotency_keys",
    "rate_limits",
    "users",
];

/// What goes over all workspaces because it must, by how it ends.
const OVER_ALL: [(&str, &str); 4] = [
    (
        "from api_keys where (api_keys.id = $1) limit $2",
        "who administers the service names a key by its number",
    ),
    ("from api_keys order by api_keys.id", "and lists all keys"),
    (
        "from users where (users.deleted_at is null) order by users.id",
        "and all users",
    ),
    (
        "order by created_at limit 500)",
        "old idempotency keys are forgotten",
    ),
];

/// What is wrong with a statement that touches rows of a workspace without saying of which: it must
/// say so once for each time that it names one of [`TENANT_TABLES`].
pub fn complaint_about(statement: &str) -> Option<String> {
    let statement = normal(statement);
    let words: Vec<&str> = statement
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let touched = words.windows(2).filter(|pair| {
        ["from", "join", "update", "into", "copy"].contains(&pair[0])
            && TENANT_TABLES.contains(&pair[1])
    });
    let written = ["insert into ", "copy "].iter().any(|verb| {
        let columns = statement
            .split_once(verb)
            .and_then(|(_, rest)| rest.split_once('('));
        columns.is_some_and(|(_, columns)| columns.trim_start().starts_with("workspace_id"))
    });
    let named = statement.matches("workspace_id = $").count() + usize::from(written);
    let is_over_all = OVER_ALL.iter().any(|(end, _)| statement.ends_with(end));
    (touched.count() > named && !is_over_all)
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
            "SELECT \"api_keys\".\"id\" FROM \"api_keys\" ORDER BY \"api_keys\".\"id\"",
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
            "UPDATE devices_mdm SET device_id = 1 FROM devices WHERE devices.workspace_id = $1",
            "SELECT * FROM devices JOIN users ON users.id = user_id WHERE devices.workspace_id = $1",
        ] {
            assert!(complaint_about(statement).is_some(), "{statement}");
        }
    }
}
