//! Renaming and deleting workspaces.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use devices_tests::{Api, Directory, TestDatabase, WORKSPACE_TABLES, device, execute, run};
use serde_json::{Value, json};

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

/// Stores rows in all tables of the workspace of `api`, and a device in another workspace. Returns
/// the key of the other one.
fn store_rows(api: &Api) -> String {
    let user = api.add_user("acme", "ada@example.com");
    let fields = json!({"serial_number": "SN-1", "user_id": user});
    let created = api.send_with(
        "POST",
        "/devices?on_conflict=update",
        &[("Idempotency-Key", "k")],
        &json!({"devices": [device(fields)]}),
    );
    assert_eq!(created.status, 200, "{}", created.text);
    let archived = api.create_device(json!({"name": "Archived"}));
    let deleted = api.call("DELETE", &format!("/devices/{archived}"));
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    let enrollment = json!({"status": "ENROLLED"});
    let put = api.send("PUT", "/mdm/enrollments/SN-1", &enrollment);
    assert_eq!(put.status, 201, "{}", put.text);
    assert_eq!(api.call("GET", "/events").status, 200);
    api.create_workspace("globex");
    let other = api.create_key("globex", "WRITE");
    api.create_device_as(&other, json!({"name": "Kept"}));
    other
}

/// Returns the rows of an exported file, which only its owner may read.
fn exported(directory: &Path, name: &str) -> Vec<Value> {
    let path = directory.join(name);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[test]
fn workspace_is_exported_and_deleted() {
    let api = Api::start();
    let other = store_rows(&api);
    let folder = std::env::temp_dir().join(format!("devices-export-{}", std::process::id()));
    let directory = folder.to_str().unwrap();
    let delete = words("workspace delete acme --yes --json --export-to");
    let deleted = run_ok(&api.database, &[delete.as_slice(), &[directory]].concat()).json();
    assert_eq!(deleted["exported_to"], directory);
    assert_eq!(
        (&deleted["rows"]["devices"], &deleted["rows"]["api_keys"]),
        (&json!(2), &json!(1))
    );

    let devices = exported(&folder, "devices.jsonl");
    let names: Vec<_> = devices.iter().map(|device| &device["name"]).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&&json!("Archived")), "{names:?}");
    let users = exported(&folder, "users.jsonl");
    assert_eq!(users[0]["email"], "ada@example.com");
    let enrollments = exported(&folder, "enrollments.jsonl");
    assert_eq!(enrollments[0]["serial_number"], "SN-1");
    assert_eq!(exported(&folder, "change_events.jsonl").len(), 4);
    assert_eq!(exported(&folder, "batches.jsonl").len(), 1);
    let audit = exported(&folder, "audit_events.jsonl");
    assert!(audit.iter().any(|event| event["action"] == "REVOKED"));
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["workspace"]["name"], "acme");
    assert_eq!(manifest["rows"]["devices"], 2);
    std::fs::remove_dir_all(&folder).unwrap();

    assert_eq!(api.call("GET", "/devices").status, 401);
    assert_eq!(api.call_as(&other, "GET", "/devices").status, 200);
    for table in WORKSPACE_TABLES {
        let left = api
            .database
            .count(&format!("{table} WHERE workspace_id = 1"));
        assert_eq!(left, 0, "{table}");
    }
    let error = run_err(
        &api.database,
        &words("workspace delete acme --yes --no-export"),
    );
    assert!(error.contains("unknown workspace"), "{error}");
}

#[test]
fn deletion_without_confirmation_changes_nothing() {
    let database = TestDatabase::new();
    run_ok(&database, &words("workspace create acme"));
    run_ok(
        &database,
        &words("key create --workspace acme --scope READ --name x"),
    );
    let error = run_err(&database, &words("workspace delete acme"));
    for text in ["0 devices", "1 api keys", "exported to acme-", "--yes"] {
        assert!(error.contains(text), "{text}: {error}");
    }
    let error = run_err(&database, &words("workspace delete acme --no-export"));
    assert!(error.contains("not exported"), "{error}");
    assert_eq!(database.count("api_keys WHERE revoked_at IS NULL"), 1);
}

#[test]
fn export_overwrites_no_other_file() {
    let database = TestDatabase::new();
    run_ok(&database, &words("workspace create acme"));
    run_ok(
        &database,
        &words("key create --workspace acme --scope READ --name x"),
    );
    let folder = std::env::temp_dir().join(format!("devices-used-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("manifest.json"), "{}").unwrap();
    let delete = words("workspace delete acme --yes --export-to");
    let arguments = [delete.as_slice(), &[folder.to_str().unwrap()]].concat();
    let error = run_err(&database, &arguments);
    assert!(error.contains("Nothing was deleted"), "{error}");
    assert_eq!(database.count("api_keys WHERE revoked_at IS NULL"), 1);

    // The files of an interrupted export are replaced.
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    std::fs::write(folder.join("devices.jsonl"), "{\"id\":").unwrap();
    run_ok(&database, &arguments);
    assert_eq!(exported(&folder, "devices.jsonl"), Vec::<Value>::new());
    // Only its owner may read the existing directory now.
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(database.count("workspaces"), 0);
}

#[test]
fn workspace_name_is_not_a_url() {
    let database = TestDatabase::new();
    run_ok(&database, &words("workspace create acme"));
    for command in [
        "workspace create postgres://db",
        "workspace rename acme postgres://db",
        "setup --workspace postgres://db",
    ] {
        let output = run(&database, &words(command));
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("without ://"), "{output:?}");
    }
}

#[test]
fn continued_deletion_exports_what_is_left() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let directory = Directory::new();
    let folder = directory.path("export");
    let mut session = api.database.connect();
    let lock = "BEGIN; SELECT FROM users WHERE workspace_id = 1 FOR UPDATE";
    execute(&mut session, lock);
    let interrupted = words("workspace delete acme --yes --no-export");
    let error = run_err(&api.database, &interrupted);
    assert!(error.contains("Run the command again"), "{error}");
    execute(&mut session, "ROLLBACK");
    // Another run was interrupted, too.
    std::fs::create_dir(format!("{folder}-rest-1")).unwrap();
    let delete = words("workspace delete acme --yes --export-to");
    run_ok(&api.database, &[delete.as_slice(), &[&folder]].concat());
    let rest = format!("{folder}-rest-2");
    let users = exported(Path::new(&rest), "users.jsonl");
    assert_eq!(users[0]["email"], "ada@example.com");
}

#[test]
fn export_waits_for_an_open_transaction() {
    let api = Api::start();
    let id = api.create_device(json!({"name": "Before"}));
    let directory = Directory::new();
    let folder = directory.path("export");
    let mut writer = api.database.connect();
    let change =
        format!("BEGIN; UPDATE devices SET name = 'After' WHERE workspace_id = 1 AND id = {id}");
    execute(&mut writer, &change);
    let delete = words("workspace delete acme --yes --export-to");
    std::thread::scope(|scope| {
        let arguments = [delete.as_slice(), &[folder.as_str()]].concat();
        let database = &api.database;
        scope.spawn(move || run_ok(database, &arguments));
        database.wait_for_session("query LIKE '%virtualtransaction = ANY%'");
        execute(&mut writer, "COMMIT");
    });
    let devices = exported(Path::new(&folder), "devices.jsonl");
    assert_eq!(devices[0]["name"], "After");
}
