//! PostgreSQL's own log: it contains no values of customers.
//!
//! Every black-box test checks the entries of its server's sessions. These tests provoke entries.

use devices_tests::{Api, LoginRole, ServerOptions, TestDatabase, device, run};
use serde_json::json;

/// Logs all statements with their parameters, as far as `log_error_verbosity` allows.
fn log_all_statements(database: &TestDatabase) {
    for (setting, value) in [
        ("log_statement", "'all'"),
        ("log_min_duration_statement", "0"),
        ("log_parameter_max_length_on_error", "-1"),
    ] {
        database.set_default(setting, value);
    }
}

/// Sends requests whose statements and errors contain values.
fn send_values(api: &Api) {
    let name = "Ada's private laptop";
    let created = api.create_device(json!({"name": name, "serial_number": "PRIVATE-SN"}));
    assert_eq!(
        api.page("/devices?search=PRIVATE-SN").json()["data"][0]["id"],
        created
    );
    let changed = json!({"comment": "A private comment"});
    let path = format!("/devices/{created}");
    assert_eq!(api.send("PATCH", &path, &changed).status, 200);
    let sync = json!({"devices": [
        {"serial_number": "PRIVATE-SN", "comment": "Another private comment"},
        {"serial_number": "PRIVATE-SN-2", "row_ref": "PRIVATE-ROW", "color": "a private red"},
    ]});
    for path in ["/devices/validate", "/devices"] {
        let path = format!("{path}?on_conflict=update&atomic=false");
        assert!(api.send("POST", &path, &sync).status < 300, "{path}");
    }
    let user = json!({"email": "ada@private.example"});
    assert_eq!(api.send("POST", "/users", &user).status, 201);
    let conflict = "ALTER TABLE devices ADD CONSTRAINT no_ada CHECK (color <> 'Private red')";
    api.database.execute(conflict);
    let rejected = json!([device(json!({"color": "Private red"}))]);
    assert_eq!(api.post(&rejected).status, 500);
}

#[test]
fn logged_statements_and_errors_have_no_values() {
    let database = TestDatabase::new();
    log_all_statements(&database);
    let api = Api::start_on(database, &ServerOptions::default());
    send_values(&api);
    let entries = api.server.postgres_log_entries();
    let contains = |text: &str| entries.iter().any(|entry| entry.contains(text));
    // Tests on a server that is not the checkout's own cannot read its log.
    assert!(entries.is_empty() || contains("INSERT INTO device_events"));
    assert!(entries.is_empty() || contains("violates check constraint"));
}

#[test]
fn database_that_logs_values_is_reported() {
    let database = TestDatabase::new();
    let role = LoginRole::serving(&database);
    let options = ServerOptions::with("DEVICES__DATABASE__URL", role.url())
        .and("DEVICES__DATABASE__MIGRATE_ON_START", "false");
    let api = Api::start_on(database, &options);
    let warning = "PostgreSQL's log may contain customers' values";
    let line = api.server.wait_for_log_line(|line| line.contains(warning));
    let name = api.database.name();
    let statement = format!("ALTER DATABASE {name} SET log_error_verbosity = 'terse'");
    assert!(line.contains(&statement), "{line}");

    // `migrate` by a superuser runs the statement.
    let migrated = run(&api.database, &["migrate"]);
    assert_eq!(migrated.code, 0, "{migrated:?}");
    let Api {
        server,
        database,
        key,
        ..
    } = api;
    drop(server);
    log_all_statements(&database);
    let api = Api::resume(database, key, &options);
    send_values(&api);
    let log = api.server.log_lines();
    assert!(log.iter().all(|line| !line.contains(warning)), "{log:?}");
}

#[test]
fn extensions_that_log_values_are_reported() {
    let database = TestDatabase::new();
    database.set_default("auto_explain.log_min_duration", "'1s'");
    database.set_default("pgaudit.log_parameter", "'on'");
    let api = Api::start_on(database, &ServerOptions::default());
    let line = api
        .server
        .wait_for_log_line(|line| line.contains("customers' values"));
    for setting in [
        "auto_explain.log_min_duration = '-1'",
        "pgaudit.log_parameter = 'off'",
    ] {
        assert!(line.contains(setting), "{line}");
    }
}
