//! Admin commands of the binary.

use devices_tests::{Cluster, CommandOutput, TestDatabase, binary, run, run_at};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
        vec!["workspace"],
        vec!["workspace", "create"],
        vec!["workspace", "list"],
        vec!["workspace", "limit"],
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
fn migrate_is_idempotent() {
    let database = TestDatabase::empty();
    let first = run_ok(&database, &["migrate", "--json"]).json();
    assert_ne!(first["migrations"], json!([]));
    let again = run_ok(&database, &["migrate", "--json"]).json();
    assert_eq!(again["migrations"], json!([]));
    assert_eq!(
        run_ok(&database, &["migrate"]).stdout,
        "The schema is up to date.\n"
    );
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
    run_err(&database, &create_with(&["--scope", "ADMIN"]));
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

#[test]
fn commands_require_migrated_schema() {
    let database = TestDatabase::empty();
    let error = run_err(&database, &["workspace", "list"]);
    assert!(error.contains("devices-api migrate"), "{error}");
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

#[test]
fn transaction_pooler_is_rejected() {
    let database = TestDatabase::new();
    let startup_error = |command, migrate_on_start| {
        let output = binary()
            .env("DEVICES__DATABASE__URL", database.url())
            .env("DEVICES__DATABASE__POOLER", "transaction")
            .env("DEVICES__DATABASE__MIGRATE_ON_START", migrate_on_start)
            .arg(command)
            .output();
        let output = CommandOutput::from(output.unwrap());
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
        output.stderr
    };
    for (command, migrate_on_start) in [("migrate", "false"), ("serve", "true")] {
        let error = startup_error(command, migrate_on_start);
        assert!(
            error.contains("DEVICES__DATABASE__POOLER=none")
                && error.contains("DEVICES__DATABASE__MIGRATE_ON_START=false"),
            "{error}"
        );
    }
    let error = startup_error("serve", "false");
    assert!(
        error.contains(" SET statement_timeout = '3000'; ALTER ROLE ")
            && error.contains(&format!(
                " SET role = '{}'; then let the pooler",
                database.serving_role()
            )),
        "{error}"
    );
}

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

/// Returns the advice of `migrate`.
fn migrate_advice(url: &str) -> String {
    let output = run_at(url, &["migrate", "--json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let advice = &output.json()["advice"];
    let advice: Vec<_> = advice.as_array().unwrap().iter().collect();
    advice
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn only_members_of_the_serving_role_may_connect() {
    // All users of a PostgreSQL server matter, so the test needs one of its own.
    let cluster = Cluster::create("roles");
    let admits_everyone = || {
        cluster.count(
            "pg_database, coalesce(datacl, acldefault('d', datdba)) AS acl, aclexplode(acl) \
             WHERE datname = current_database() AND grantee = 0 AND privilege_type = 'CONNECT'",
        ) == 1
    };
    let url_of = |user: &str| format!("{}&user={user}", cluster.url());
    assert_eq!(migrate_advice(cluster.url()), "");
    assert!(!admits_everyone());

    cluster.execute(
        "CREATE ROLE server LOGIN IN ROLE fleet_devices_serving_devices; CREATE ROLE backup LOGIN; \
         GRANT CONNECT ON DATABASE devices TO PUBLIC",
    );
    let advice = migrate_advice(cluster.url());
    assert!(
        advice.contains("also backup.") && advice.contains("REVOKE CONNECT ON DATABASE devices"),
        "{advice}"
    );
    assert!(admits_everyone());
    cluster.execute("GRANT CONNECT ON DATABASE devices TO backup");
    assert_eq!(migrate_advice(cluster.url()), "");
    assert!(!admits_everyone());
    assert_eq!(run_at(&url_of("server"), &["migrate"]).code, 0);

    cluster.execute(
        "CREATE ROLE owner LOGIN; GRANT CONNECT ON DATABASE devices TO PUBLIC; \
         DO $$ DECLARE name text; BEGIN \
             FOR name IN SELECT oid::regclass FROM pg_class \
                 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') LOOP \
                 EXECUTE format('ALTER TABLE %s OWNER TO owner', name); \
             END LOOP; \
         END $$",
    );
    let advice = migrate_advice(&url_of("owner"));
    let statements = "run: GRANT CONNECT ON DATABASE devices TO \"fleet_devices_serving_devices\"; \
                      REVOKE CONNECT ON DATABASE devices FROM PUBLIC;";
    assert!(advice.contains(statements), "{advice}");
}
