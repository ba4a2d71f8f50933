//! Audit trail, search index and retention.

use devices_tests::{CommandOutput, TestDatabase};
use serde_json::{Value, json};

use super::{run_err, run_ok, words};

#[test]
fn audit_shows_commands_with_their_operator() {
    let database = TestDatabase::new();
    for line in [
        "workspace create acme",
        "workspace limit acme --devices 7",
        "key create --workspace acme --scope READ --name dashboard",
        "key rotate 1",
        "key revoke 2",
        "user add --workspace acme ada@example.com --first-name Ada",
    ] {
        run_ok(&database, &words(line));
    }
    let audit = |arguments: &[&str]| {
        run_ok(
            &database,
            &[&["audit", "--workspace", "acme"], arguments].concat(),
        )
    };
    let operator = whoami();
    let lines: Vec<String> = audit(&[])
        .stdout
        .lines()
        .map(|line| line.split_once("Z  ").unwrap().1.to_owned())
        .collect();
    let by_operator = |text: &str| format!("{text}  by {operator} on the command line");
    let expected = [
        "CREATED  workspace",
        "UPDATED  workspace (device_limit)",
        "CREATED  key 1",
        "ROTATED  key 1",
        "CREATED  key 2",
        "REVOKED  key 2",
        "CREATED  user 1",
    ];
    assert_eq!(lines, expected.map(by_operator));

    let events = audit(&["--json", "--key", "2"]).json_lines();
    let actions: Vec<_> = events.iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["CREATED", "REVOKED"]);
    for event in &events {
        assert_eq!(event["api_key_id"], 2);
        assert_eq!(
            (&event["key_id"], &event["request_id"]),
            (&Value::Null, &Value::Null)
        );
        assert!(event["operator"].as_str().unwrap().starts_with(&operator));
    }
    assert_eq!(
        audit(&["--json", "--action", "rotated"]).json_lines().len(),
        1
    );
    assert_eq!(audit(&["--json", "--user", "1"]).json_lines().len(), 1);
    let error = run_err(&database, &words("audit --workspace acme --action READ"));
    assert!(error.contains("EXPORTED"), "{error}");
}

/// Returns the name of the operating system user.
fn whoami() -> String {
    let output = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    CommandOutput::from(output).stdout.trim().to_owned()
}

#[test]
fn reindex_finds_devices_without_document() {
    let database = TestDatabase::new();
    for workspace in ["acme", "globex"] {
        run_ok(&database, &["workspace", "create", workspace]);
    }
    database.execute(
        "INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance,
                              connection_type)
         SELECT 1 + n % 2, 'Latitude', 'laptop', 'computers', false, '{}', '{}'
         FROM generate_series(1, 5) AS n",
    );
    let output = run_ok(&database, &words("reindex --workspace acme --json"));
    assert_eq!(output.json(), json!({"checked": 2, "indexed": 2}));
    assert_eq!(database.count("search_documents"), 2);
    let output = run_ok(&database, &["reindex"]);
    assert_eq!(output.stdout, "indexed 3 of 5 devices\n");
    let output = run_ok(&database, &words("reindex --all --json"));
    assert_eq!(output.json(), json!({"checked": 5, "indexed": 5}));
    assert_eq!(database.count("search_documents"), 5);
    let error = run_err(&database, &words("reindex --workspace nowhere"));
    assert!(error.contains("unknown workspace"), "{error}");
}

#[test]
fn purge_deletes_only_what_it_is_told() {
    let database = TestDatabase::new();
    for line in ["workspace create acme", "workspace create globex"] {
        run_ok(&database, &words(line));
    }
    database.execute(
        "UPDATE audit_events SET occurred_at = now() - interval '40 days'; \
         INSERT INTO users (workspace_id, email, email_folded, search_document, deleted_at) \
         VALUES (1, 'a@b.c', 'a@b.c', '', now() - interval '40 days'), \
                (1, 'b@b.c', 'b@b.c', '', NULL)",
    );
    for (line, problem) in [
        ("purge", "--events-older-than"),
        ("purge --dry-run", "--events-older-than"),
        ("purge --events-older-than 23h", "at least a day"),
        ("purge --events-older-than 30", "a duration"),
        (
            "purge --workspace initech --events-older-than 30d",
            "workspace list",
        ),
    ] {
        let error = run_err(&database, &words(line));
        assert!(error.contains(problem), "{line}: {error}");
    }
    let all = "purge --json --events-older-than 30d --deleted-users-older-than 30d";
    let expected = |users: u64, events: u64| {
        let counts = |id, name, users| json!({"workspace_id": id, "workspace": name, "deleted_users": users, "events": events});
        json!([counts(1, "acme", users), counts(2, "globex", 0)])
    };
    let dry = run_ok(&database, &words(&format!("{all} --dry-run")));
    assert_eq!(dry.json(), expected(1, 1));
    assert_eq!(database.count("users"), 2);
    assert_eq!(run_ok(&database, &words(all)).json(), expected(1, 1));
    assert_eq!(run_ok(&database, &words(all)).json(), expected(0, 0));
    assert_eq!(database.texts("SELECT email FROM users"), ["b@b.c"]);
    let table = run_ok(
        &database,
        &words("purge --workspace acme --events-older-than 30d"),
    )
    .stdout;
    assert_eq!(table, "WORKSPACE  EVENTS\nacme       0\n");
    let audit = run_ok(&database, &words("audit --workspace acme")).stdout;
    assert!(audit.contains("PURGED  1 (deleted_users)  by "), "{audit}");
}
