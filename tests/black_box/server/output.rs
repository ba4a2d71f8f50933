//! Output of the server: with `log.format = json`, every line is an entry of a JSON log.

use devices_tests::{Api, Server, TestDatabase, binary};
use serde_json::{Value, json};

/// Parses a line of the log. Panics if it is none.
fn entry(line: &str) -> Value {
    let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    for member in ["timestamp", "level", "message"] {
        let is_present = entry[member].is_string() || entry["statement"].is_string();
        assert!(is_present, "{member} is missing: {line}");
    }
    entry
}

#[test]
fn every_output_line_is_a_log_entry() {
    let mut api = Api::start();
    assert_eq!(api.post(&json!([])).status, 400);
    api.server.signal("TERM");
    assert!(api.server.wait().success());
    api.server
        .wait_for_log_line(|line| line.contains("stopped"));
    let output: Vec<_> = api
        .server
        .output_lines()
        .iter()
        .map(|line| entry(line))
        .collect();
    assert_eq!(output.len(), 1, "{output:?}");
    assert_eq!(output[0]["address"], api.server.url(""));
    for line in api.server.log_lines() {
        entry(&line);
    }
}

#[test]
fn first_log_entry_states_versions_and_limits() {
    let database = TestDatabase::new();
    let server = Server::start(&database);
    let lines = server.log_lines();
    // Statements are logged at the level `trace`.
    let mut entries = lines.iter().map(|line| entry(line));
    let first = entries.find(|entry| entry["level"] != "TRACE").unwrap();
    assert_eq!(first["message"], "starting");
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(first["environment"], "test");
    let version = database.texts("SELECT current_setting('server_version')");
    assert_eq!(first["postgresql"], version[0]);
    assert_eq!(first["address"], "127.0.0.1:0");
    assert_eq!(first["pool_size"], 4);
    assert_eq!(first["max_devices_per_batch"], 1_000);
}

/// Runs the binary in production. Returns its exit code and its lines on standard error.
fn run_in_production(arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, Vec<String>) {
    let output = binary()
        .env("DEVICES_ENVIRONMENT", "production")
        .envs(settings.iter().copied())
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    let errors = String::from_utf8(output.stderr).unwrap();
    (
        output.status.code(),
        errors.lines().map(str::to_owned).collect(),
    )
}

#[test]
fn errors_of_production_server_are_log_entries() {
    let unreachable = (
        "DEVICES__DATABASE__URL",
        "postgres://nobody@127.0.0.1:1/devices",
    );
    for (arguments, settings, code, message) in [
        (
            &["serve", "--colour"][..],
            &[][..],
            2,
            "unexpected argument",
        ),
        (&["--colour"], &[], 2, "unexpected argument"),
        (&["serve"], &[], 1, "DEVICES__DATABASE__URL"),
        (
            &[],
            &[("DEVICES__SERVER__PORT", "http")],
            1,
            "DEVICES__SERVER__PORT",
        ),
        (&["serve"], &[unreachable], 1, "Check that PostgreSQL runs"),
    ] {
        let (status, lines) = run_in_production(arguments, settings);
        assert_eq!(status, Some(code), "{lines:?}");
        let entries: Vec<_> = lines.iter().map(|line| entry(line)).collect();
        let last = entries.last().unwrap();
        assert_eq!(last["level"], "ERROR", "{last}");
        assert!(
            last["message"].as_str().unwrap().contains(message),
            "{last}"
        );
    }
}

#[test]
fn errors_of_other_commands_are_text() {
    for (arguments, code) in [(&["key", "list"][..], 1), (&["key", "lits"], 2)] {
        let (status, lines) = run_in_production(arguments, &[]);
        assert_eq!(status, Some(code), "{lines:?}");
        assert!(lines[0].starts_with("error: "), "{lines:?}");
    }
}
