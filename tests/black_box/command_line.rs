//! The admin commands.

use devices_tests::{Ran, TestDatabase, binary, run};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn succeed(database: &TestDatabase, arguments: &[&str]) -> Ran {
    let ran = run(database, arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran
}

/// The arguments of a command line.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Fails with one sentence.
fn fail(database: &TestDatabase, arguments: &[&str]) -> String {
    let ran = run(database, arguments);
    assert_ne!(ran.code, 0, "{arguments:?}: {ran:?}");
    assert_eq!(ran.stdout, "");
    ran.stderr
}

#[test]
fn every_command_explains_itself() {
    for command in [
        vec![],
        vec!["serve"],
        vec!["migrate"],
        vec!["workspace"],
        vec!["workspace", "create"],
        vec!["workspace", "list"],
        vec!["workspace", "limit"],
        vec!["user"],
        vec!["user", "add"],
        vec!["user", "list"],
        vec!["key"],
        vec!["key", "create"],
        vec!["key", "list"],
        vec!["key", "rotate"],
        vec!["key", "revoke"],
        vec!["audit"],
    ] {
        let output = binary().args(&command).arg("--help").output().unwrap();
        let ran = Ran::from(output);
        assert_eq!(ran.code, 0, "{command:?}");
        assert!(
            ran.stdout.contains("Usage: devices-api"),
            "{command:?}: {}",
            ran.stdout
        );
    }
}

#[test]
fn migrate_brings_an_empty_database_up_to_date_and_then_has_nothing_to_do() {
    let database = TestDatabase::empty();
    let first = succeed(&database, &["migrate", "--json"]).json();
    assert_ne!(first["migrations"], json!([]));
    let again = succeed(&database, &["migrate", "--json"]).json();
    assert_eq!(again["migrations"], json!([]));
    assert_eq!(
        succeed(&database, &["migrate"]).stdout,
        "The schema is up to date.\n"
    );
}

#[test]
fn workspaces_are_made_once_and_listed() {
    let database = TestDatabase::new();
    succeed(&database, &["workspace", "create", "acme"]);
    let limited = [
        "workspace",
        "create",
        "globex",
        "--device-limit",
        "10",
        "--json",
    ];
    assert_eq!(succeed(&database, &limited).json()["device_limit"], 10);
    let complaint = fail(&database, &["workspace", "create", "acme"]);
    assert!(complaint.contains("acme"), "{complaint}");
    fail(&database, &["workspace", "create", " "]);

    let listed = succeed(&database, &["workspace", "list", "--json"]).json();
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["name"])
        .collect();
    assert_eq!(names, ["acme", "globex"]);
    let table = succeed(&database, &["workspace", "list"]).stdout;
    assert_eq!(
        table,
        "ID  NAME    DEVICE LIMIT\n1   acme    -\n2   globex  10\n"
    );
    let freed = succeed(
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
    assert_eq!(freed["device_limit"], Value::Null);
}

#[test]
fn users_are_added_once_a_workspace_in_whatever_case() {
    let database = TestDatabase::new();
    succeed(&database, &["workspace", "create", "acme"]);
    succeed(&database, &["workspace", "create", "globex"]);
    let add = |workspace, email| ["user", "add", "--json", "--workspace", workspace, email];
    let ada = [
        add("acme", "ada@example.com").as_slice(),
        &["--first-name", "Ada"],
    ]
    .concat();
    let ada = succeed(&database, &ada).json();
    assert_eq!(
        (&ada["email"], &ada["first_name"]),
        (&json!("ada@example.com"), &json!("Ada"))
    );
    fail(&database, &add("acme", "ADA@example.com"));
    succeed(&database, &add("globex", "ada@example.com"));
    assert!(fail(&database, &add("initech", "ada@example.com")).contains("workspace create"));
    fail(&database, &add("acme", "ada"));

    let of = ["user", "list", "--json", "--workspace", "acme"];
    assert_eq!(succeed(&database, &of).json(), json!([ada]));
    let all = succeed(&database, &["user", "list", "--json"]).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[test]
fn a_keys_secret_is_shown_once_and_stored_as_its_sha_256() {
    let database = TestDatabase::new();
    succeed(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --scope WRITE --name import");
    let created = succeed(&database, &[create.as_slice(), &["--json"]].concat()).json();
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("fdk_1_"));
    let hash: String = Sha256::digest(secret)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let stored = database.texts("SELECT encode(secret_sha256, 'hex') FROM api_keys");
    assert_eq!(stored, [hash]);

    let listed = succeed(&database, &["key", "list"]).stdout;
    assert!(
        listed.contains("import") && !listed.contains(secret),
        "{listed}"
    );
    let shown = succeed(&database, &create).stdout;
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with("fdk_1_"), "{shown}");
}

#[test]
fn keys_expire_and_are_revoked() {
    let database = TestDatabase::new();
    succeed(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --name x --json");
    let with = |more: &[&'static str]| [create.as_slice(), more].concat();
    let key = succeed(
        &database,
        &with(&["--scope", "READ", "--expires-in", "30d"]),
    )
    .json();
    let days = "SELECT (expires_at - created_at BETWEEN '29 days' AND '31 days') FROM api_keys";
    assert_eq!(database.texts(days), ["true"]);
    fail(&database, &with(&["--scope", "ADMIN"]));
    fail(
        &database,
        &with(&["--scope", "READ", "--expires-in", "soon"]),
    );

    let id = key["id"].to_string();
    let revoked = succeed(&database, &["key", "revoke", &id, "--json"]).json();
    assert!(revoked["revoked_at"].is_string());
    let again = succeed(&database, &["key", "revoke", &id, "--json"]).json();
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    assert!(fail(&database, &["key", "revoke", "4711"]).contains("4711"));
}

#[test]
fn a_rotated_key_is_shown_once_and_the_old_one_ends_after_the_overlap() {
    let database = TestDatabase::new();
    succeed(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --name import --scope WRITE");
    succeed(&database, &create);
    let rotate = ["key", "rotate", "1", "--overlap", "24h", "--json"];
    let rotated = succeed(&database, &rotate).json();
    assert_eq!(rotated["id"], 2);
    assert_eq!(
        (&rotated["name"], &rotated["scope"]),
        (&json!("import"), &json!("WRITE"))
    );
    let secret = rotated["secret"].as_str().unwrap();
    let prefix = rotated["secret_prefix"].as_str().unwrap();
    assert!(secret.starts_with(prefix) && prefix.len() < 15);
    let ends =
        "SELECT retires_at - now() BETWEEN '23 hours' AND '25 hours' FROM api_keys WHERE id = 1";
    assert_eq!(database.texts(ends), ["true"]);

    let listed = succeed(&database, &["key", "list"]).stdout;
    assert!(
        listed.contains(prefix) && !listed.contains(secret),
        "{listed}"
    );
    assert!(listed.contains("in 23h 59m"), "{listed}");

    succeed(&database, &["key", "rotate", "2", "--overlap", "0s"]);
    let said = fail(&database, &["key", "rotate", "2"]);
    assert!(said.contains("key create"), "{said}");
    assert!(fail(&database, &["key", "rotate", "4711"]).contains("key list"));
    fail(&database, &["key", "rotate", "3", "--overlap", "soon"]);
}

#[test]
fn a_workspace_with_as_many_keys_as_it_may_have_gets_no_more() {
    let database = TestDatabase::new();
    succeed(&database, &["workspace", "create", "acme"]);
    let create = words("key create --workspace acme --name x --scope READ");
    succeed(&database, &create);
    let output = binary()
        .env("DEVICES__DATABASE__URL", database.url())
        .env("DEVICES__LIMITS__KEYS_PER_WORKSPACE", "1")
        .args(&create)
        .output()
        .unwrap();
    let said = Ran::from(output).stderr;
    assert!(
        said.contains("DEVICES__LIMITS__KEYS_PER_WORKSPACE"),
        "{said}"
    );
    assert_eq!(database.count("api_keys"), 1);
}

#[test]
fn a_database_without_a_schema_says_to_migrate_first() {
    let database = TestDatabase::empty();
    let complaint = fail(&database, &["workspace", "list"]);
    assert!(complaint.contains("devices-api migrate"), "{complaint}");
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_told_and_no_panic() {
    let database = TestDatabase::new();
    let full = std::fs::File::options().write(true).open("/dev/full");
    let ran = binary()
        .env("DEVICES__DATABASE__URL", database.url())
        .args(["workspace", "create", "acme"])
        .stdout(full.unwrap())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        said.starts_with("error: What was asked for is done"),
        "{said}"
    );
    assert_eq!(database.count("workspaces"), 1);
}

#[test]
fn behind_a_pooler_serving_and_migrating_are_refused_with_what_to_do() {
    let database = TestDatabase::new();
    let refusal = |command, migrate_on_start| {
        let output = binary()
            .env("DEVICES__DATABASE__URL", database.url())
            .env("DEVICES__DATABASE__POOLER", "transaction")
            .env("DEVICES__DATABASE__MIGRATE_ON_START", migrate_on_start)
            .arg(command)
            .output();
        let ran = Ran::from(output.unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        ran.stderr
    };
    for (command, migrate_on_start) in [("migrate", "false"), ("serve", "true")] {
        let said = refusal(command, migrate_on_start);
        assert!(
            said.contains("DEVICES__DATABASE__POOLER=none")
                && said.contains("DEVICES__DATABASE__MIGRATE_ON_START=false"),
            "{said}"
        );
    }
    let said = refusal("serve", "false");
    assert!(
        said.contains(" SET statement_timeout = '3000'; ALTER ROLE ")
            && said.contains(" SET role = 'fleet_devices_serving'; then let the pooler"),
        "{said}"
    );
}
