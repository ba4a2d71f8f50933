//! A database that a newer version of the program has updated.

use std::time::{Duration, Instant};

use devices_tests::{Api, CommandOutput, TestDatabase, binary};
use serde_json::json;

use super::one_device;

/// Records a migration that this version does not know.
fn update_schema(database: &TestDatabase) {
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')");
}

#[test]
fn commands_reject_a_newer_schema() {
    let database = TestDatabase::new();
    update_schema(&database);
    // Not applied yet, and must not be applied either.
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version < '20261125000010'");
    let before = database.count("__diesel_schema_migrations");
    for (arguments, migrate_on_start) in [
        (vec!["migrate"], "true"),
        (vec!["serve"], "true"),
        (vec!["serve"], "false"),
        (vec!["workspace", "create", "acme"], "true"),
    ] {
        let output = binary()
            .env("DEVICES__DATABASE__URL", database.url())
            .env("DEVICES__DATABASE__MIGRATE_ON_START", migrate_on_start)
            .args(&arguments)
            .output();
        let output = CommandOutput::from(output.unwrap());
        assert_eq!(output.code, 1, "{arguments:?}: {output:?}");
        assert!(
            output
                .stderr
                .contains("(unknown migrations: 29991231000001)")
                && output.stderr.contains("Use that version"),
            "{arguments:?}: {output:?}"
        );
    }
    assert_eq!(database.count("__diesel_schema_migrations"), before);
    assert_eq!(database.count("workspaces"), 0);
}

#[test]
fn running_server_rejects_a_newer_schema() {
    let api = Api::start();
    assert_eq!(api.post(&one_device()).status, 201);
    update_schema(&api.database);
    // Nothing calls /readyz: the server checks by itself.
    let deadline = Instant::now() + Duration::from_secs(60);
    while api.post(&one_device()).status == 201 {
        assert!(Instant::now() < deadline, "the server still stores devices");
        std::thread::sleep(Duration::from_millis(100));
    }
    let stored = api.database.count("devices");
    for path in ["/readyz", "/devices", "/users"] {
        let response = api.call("GET", path);
        assert_eq!(response.status, 503, "{path}: {}", response.text);
        assert_eq!(response.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
        assert_eq!(response.header("retry-after"), "1");
    }
    assert_eq!(api.post(&one_device()).status, 503);
    assert_eq!(api.database.count("devices"), stored);
    assert_eq!(api.get_without_key("/livez").status, 200);
    // Another check has run, and logged nothing.
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(api.get_without_key("/readyz").status, 503);
    let logged = |line: &String| line.contains("29991231000001") && line.contains("ERROR");
    let lines = api.server.log_lines();
    assert_eq!(lines.iter().filter(|line| logged(line)).count(), 1);

    let undo = "DELETE FROM __diesel_schema_migrations WHERE version = '29991231000001'";
    api.database.execute(undo);
    while api.get_without_key("/readyz").status == 503 {
        assert!(Instant::now() < deadline, "the server is not ready again");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(api.post(&one_device()).status, 201);
}
