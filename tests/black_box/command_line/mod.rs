//! Admin commands of the binary.

mod config;
mod generated;
mod healthcheck;
mod keys;
mod maintenance;
mod schema;
mod workspaces;

use devices_tests::{CommandOutput, TestDatabase, binary, run};
use serde_json::{Value, json};

/// Runs a command that must succeed. Returns its output.
fn run_ok(database: &TestDatabase, arguments: &[&str]) -> CommandOutput {
    let output = run(database, arguments);
    assert_eq!(output.code, 0, "{arguments:?}: {output:?}");
    output
}

/// Splits a command line into arguments.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Runs a command that must fail and print nothing to stdout. Returns its stderr.
fn run_err(database: &TestDatabase, arguments: &[&str]) -> String {
    let output = run(database, arguments);
    assert_ne!(output.code, 0, "{arguments:?}: {output:?}");
    assert_eq!(output.stdout, "");
    output.stderr
}

#[test]
fn all_commands_have_help() {
    for command in [
        vec![],
        vec!["serve"],
        vec!["migrate"],
        vec!["healthcheck"],
        vec!["config"],
        vec!["config", "check"],
        vec!["completions"],
        vec!["man"],
        vec!["setup"],
        vec!["workspace"],
        vec!["workspace", "create"],
        vec!["workspace", "list"],
        vec!["workspace", "limit"],
        vec!["workspace", "rename"],
        vec!["workspace", "delete"],
        vec!["user"],
        vec!["user", "add"],
        vec!["user", "list"],
        vec!["user", "erase"],
        vec!["key"],
        vec!["key", "create"],
        vec!["key", "list"],
        vec!["key", "rotate"],
        vec!["key", "revoke"],
        vec!["audit"],
        vec!["reindex"],
        vec!["purge"],
    ] {
        let output = binary().args(&command).arg("--help").output().unwrap();
        let output = CommandOutput::from(output);
        assert_eq!(output.code, 0, "{command:?}");
        assert!(
            output.stdout.contains("Usage: devices-api"),
            "{command:?}: {}",
            output.stdout
        );
    }
}

#[test]
fn workspaces_are_created_once_and_listed() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    let limited = [
        "workspace",
        "create",
        "globex",
        "--device-limit",
        "10",
        "--json",
    ];
    assert_eq!(run_ok(&database, &limited).json()["device_limit"], 10);
    let error = run_err(&database, &["workspace", "create", "acme"]);
    assert!(error.contains("already exists"), "{error}");
    run_err(&database, &["workspace", "create", " "]);

    let listed = run_ok(&database, &["workspace", "list", "--json"]).json();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|workspace| &workspace["name"])
        .collect();
    assert_eq!(names, ["acme", "globex"]);
    let table = run_ok(&database, &["workspace", "list"]).stdout;
    assert_eq!(
        table,
        "ID  NAME    DEVICE LIMIT\n1   acme    -\n2   globex  10\n"
    );
    let unlimited = run_ok(
        &database,
        &[
            "workspace",
            "limit",
            "globex",
            "--devices",
            "none",
            "--json",
        ],
    )
    .json();
    assert_eq!(unlimited["device_limit"], Value::Null);
}

#[test]
fn users_are_unique_per_workspace() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    run_ok(&database, &["workspace", "create", "globex"]);
    let add = |workspace, email| ["user", "add", "--json", "--workspace", workspace, email];
    let ada = [
        add("acme", "ada@example.com").as_slice(),
        &["--first-name", "Ada"],
    ]
    .concat();
    let ada = run_ok(&database, &ada).json();
    assert_eq!(
        (&ada["email"], &ada["first_name"]),
        (&json!("ada@example.com"), &json!("Ada"))
    );
    run_err(&database, &add("acme", "ADA@example.com"));
    run_ok(&database, &add("globex", "ada@example.com"));
    assert!(run_err(&database, &add("initech", "ada@example.com")).contains("workspace create"));
    run_err(&database, &add("acme", "ada"));

    let list_acme = ["user", "list", "--json", "--workspace", "acme"];
    assert_eq!(run_ok(&database, &list_acme).json(), json!([ada]));
    let all = run_ok(&database, &["user", "list", "--json"]).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn unwritable_output_is_reported() {
    let database = TestDatabase::new();
    let full = std::fs::File::options().write(true).open("/dev/full");
    let output = binary()
        .env("DEVICES__DATABASE__URL", database.url())
        .args(["workspace", "create", "acme"])
        .stdout(full.unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("error: the command succeeded, but its output cannot be printed"),
        "{error}"
    );
    assert_eq!(database.count("workspaces"), 1);
}

#[test]
fn closed_pipe_ends_only_reading_commands() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    let run_with_closed_pipe = |line: &str| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = binary()
            .env("DEVICES__DATABASE__URL", database.url())
            .args(words(line))
            .stdout(writer)
            .output();
        let output = CommandOutput::from(output.unwrap());
        (output.code, output.stderr)
    };
    assert_eq!(run_with_closed_pipe("workspace list"), (0, String::new()));
    let create = "key create --workspace acme --name x --scope READ";
    let (code, error) = run_with_closed_pipe(create);
    assert_eq!(code, 1);
    assert!(error.contains("its output cannot be printed"), "{error}");
}
