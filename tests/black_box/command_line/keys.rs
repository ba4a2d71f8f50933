//! Commands for API keys.

use devices_tests::{CommandOutput, TestDatabase, binary};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{run_err, run_ok, words};

#[test]
fn secret_is_printed_once_and_stored_hashed() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --scope WRITE --name import");
    let created = run_ok(&database, &[create.as_slice(), &["--json"]].concat()).json();
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("fdk_1_"));
    let hash: String = Sha256::digest(secret)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let stored = database.texts("SELECT encode(secret_sha256, 'hex') FROM api_keys");
    assert_eq!(stored, [hash]);

    let listed = run_ok(&database, &["key", "list"]).stdout;
    assert!(
        listed.contains("import") && !listed.contains(secret),
        "{listed}"
    );
    let output = run_ok(&database, &create).stdout;
    let last = output.lines().last().unwrap();
    assert!(last.starts_with("fdk_1_"), "{output}");
}

#[test]
fn keys_expire_and_can_be_revoked() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --name x --json");
    let create_with = |more: &[&'static str]| [create.as_slice(), more].concat();
    let key = run_ok(
        &database,
        &create_with(&["--scope", "READ", "--expires-in", "30d"]),
    )
    .json();
    let expires_in_30_days =
        "SELECT (expires_at - created_at BETWEEN '29 days' AND '31 days') FROM api_keys";
    assert_eq!(database.texts(expires_in_30_days), ["true"]);
    run_err(&database, &create_with(&["--scope", "OWNER"]));
    run_err(
        &database,
        &create_with(&["--scope", "READ", "--expires-in", "soon"]),
    );

    let id = key["id"].to_string();
    let revoked = run_ok(&database, &["key", "revoke", &id, "--json"]).json();
    assert!(revoked["revoked_at"].is_string());
    let again = run_ok(&database, &["key", "revoke", &id, "--json"]).json();
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    assert!(run_err(&database, &["key", "revoke", "4711"]).contains("4711"));
}

#[test]
fn key_of_each_scope_is_created() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    for scope in ["READ", "WRITE", "ADMIN"] {
        let create = words("key create --workspace acme --name x --json --scope");
        let created = run_ok(&database, &[create.as_slice(), &[scope]].concat()).json();
        assert_eq!(created["scope"], scope);
    }
}

#[test]
fn rotated_key_retires_after_overlap() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --name import --scope WRITE");
    run_ok(&database, &create);
    let rotate = ["key", "rotate", "1", "--overlap", "24h", "--json"];
    let rotated = run_ok(&database, &rotate).json();
    assert_eq!(rotated["id"], 2);
    assert_eq!(
        (&rotated["name"], &rotated["scope"]),
        (&json!("import"), &json!("WRITE"))
    );
    let secret = rotated["secret"].as_str().unwrap();
    let prefix = rotated["secret_prefix"].as_str().unwrap();
    assert!(secret.starts_with(prefix) && prefix.len() < 15);
    let overlap =
        "SELECT retires_at - now() BETWEEN '23 hours' AND '25 hours' FROM api_keys WHERE id = 1";
    assert_eq!(database.texts(overlap), ["true"]);

    let listed = run_ok(&database, &["key", "list"]).stdout;
    assert!(
        listed.contains(prefix) && !listed.contains(secret),
        "{listed}"
    );
    assert!(listed.contains("in 23h 59m"), "{listed}");

    run_ok(&database, &["key", "rotate", "2", "--overlap", "0s"]);
    let error = run_err(&database, &["key", "rotate", "2"]);
    assert!(error.contains("key create"), "{error}");
    assert!(run_err(&database, &["key", "rotate", "4711"]).contains("key list"));
    run_err(&database, &["key", "rotate", "3", "--overlap", "soon"]);
}

#[test]
fn key_limit_of_workspace_is_enforced() {
    let database = TestDatabase::new();
    run_ok(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --name x --scope READ");
    run_ok(&database, &create);
    let output = binary()
        .env("DEVICES__DATABASE__URL", database.url())
        .env("DEVICES__LIMITS__KEYS_PER_WORKSPACE", "1")
        .args(&create)
        .output()
        .unwrap();
    let error = CommandOutput::from(output).stderr;
    assert!(
        error.contains("DEVICES__LIMITS__KEYS_PER_WORKSPACE"),
        "{error}"
    );
    assert_eq!(database.count("api_keys"), 1);
}
