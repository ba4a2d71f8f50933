//! Renaming workspaces.

use devices_tests::Api;

use super::{run_err, run_ok, words};

#[test]
fn renamed_workspace_keeps_its_keys() {
    let api = Api::start();
    let database = &api.database;
    run_ok(database, &words("workspace create globex"));
    let renamed = run_ok(database, &words("workspace rename acme initech --json")).json();
    assert_eq!(renamed["name"], "initech");
    assert_eq!(api.call("GET", "/devices").status, 200);
    let audit = run_ok(database, &words("audit --workspace initech")).stdout;
    assert!(audit.contains("UPDATED  workspace (name)  by "), "{audit}");
    let error = run_err(database, &words("workspace rename initech globex"));
    assert!(error.contains("already exists"), "{error}");
    let error = run_err(database, &words("workspace rename acme other"));
    assert!(error.contains("unknown workspace"), "{error}");
}
