//! Starting the server.

use std::os::unix::fs::PermissionsExt;

use devices_tests::{Server, ServerOptions, TestDatabase, binary, device, send};
use serde_json::{Value, json};

#[test]
fn relaxed_durability_is_logged() {
    let database = TestDatabase::new();
    database.set_default("synchronous_commit", "off");
    let server = Server::start(&database);
    let line = server.wait_for_log_line(|line| line.contains("may lose"));
    assert!(
        line.contains(r#""settings":"synchronous_commit""#),
        "{line}"
    );
}

#[test]
fn public_address_without_rate_limits_is_logged() {
    let database = TestDatabase::new();
    let options = ServerOptions::with("DEVICES__SERVER__HOST", "0.0.0.0")
        .and("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 100);
    let server = Server::start_with(&database, &options);
    let line = server.wait_for_log_line(|line| line.contains("rate limits are off"));
    assert!(
        line.contains("DEVICES__RATE_LIMIT__WORKSPACE_REQUESTS_PER_MINUTE")
            && !line.contains("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE"),
        "{line}"
    );
}

#[test]
fn demo_workspace_survives_restarts() {
    let database = TestDatabase::empty();
    let folder = std::env::temp_dir().join(format!("devices-demo-{}", std::process::id()));
    let file = folder.join("demo-keys.env");
    let prepare = || {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/demo-workspace");
        let output = std::process::Command::new(script)
            .arg(binary().get_program())
            .arg(&file)
            .env("DEVICES__DATABASE__URL", database.url())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let saved = std::fs::read_to_string(&file).unwrap();
        // The keys are in the file only. On a cluster, `migrate` warns about other databases.
        assert!(output.stdout.is_empty(), "{output:?}");
        let log = String::from_utf8(output.stderr).unwrap();
        for (_, key) in saved.lines().filter_map(|line| line.split_once('=')) {
            assert!(!log.contains(key), "{log}");
        }
        saved
    };

    let saved = prepare();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let lines: Vec<_> = saved.lines().collect();
    let write = lines[0].strip_prefix("DEMO_WRITE_KEY=").unwrap();
    let read = lines[1].strip_prefix("DEMO_READ_KEY=").unwrap();
    let admin = lines[2].strip_prefix("DEMO_ADMIN_KEY=").unwrap();
    let server = Server::start(&database);
    let post = |key: &str| {
        let client = reqwest::blocking::Client::new();
        let request = client.post(server.url("/devices")).bearer_auth(key);
        send(request.json(&json!({"devices": [device(json!({"user_id": 1}))]}))).status
    };
    assert_eq!([write, read, admin].map(post), [201, 403, 201]);
    assert_eq!(database.count("users"), 3);

    assert_eq!(prepare(), saved);
    assert_eq!(
        (database.count("users"), database.count("api_keys")),
        (3, 3)
    );

    let revoked = devices_tests::run(&database, &["key", "revoke", "1"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    let replaced = prepare();
    assert_ne!(replaced.lines().next(), saved.lines().next());
    assert_eq!(replaced.lines().nth(1), saved.lines().nth(1));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn startup_prints_addresses_as_json() {
    let database = TestDatabase::new();
    let options = ServerOptions {
        arguments: vec!["--json".to_owned()],
        ..ServerOptions::default()
    };
    let server = Server::start_with(&database, &options);
    let line = server.wait_for_output_line(|line| line.contains("address"));
    let addresses: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(addresses["address"], server.url(""));
    assert!(addresses["metrics"].as_str().unwrap().ends_with("/metrics"));
}

#[test]
fn startup_prints_the_address_of_the_console() {
    let database = TestDatabase::new();
    for is_enabled in [true, false] {
        let options = ServerOptions::with("DEVICES__LOG__FORMAT", "text");
        let options = options.and("DEVICES__WEB__ENABLED", is_enabled);
        let server = Server::start_with(&database, &options);
        let console = format!("Console: {}", server.url("/ui/"));
        assert_eq!(server.output_lines().contains(&console), is_enabled);
    }
}

#[test]
fn concurrent_starts_migrate_empty_database() {
    let database = TestDatabase::empty();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Server::start(&database));
        }
    });
    assert_eq!(database.count("workspaces"), 0);
}

/// Runs `serve` with settings that it cannot start with. Returns its error, which must be one line
/// of the output.
fn startup_error(settings: &[(&str, &str)]) -> String {
    let output = binary()
        .envs(settings.iter().copied())
        .arg("serve")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    let mut errors = log.lines().filter(|line| {
        let entry: Value = serde_json::from_str(line).unwrap_or_default();
        entry["level"] != "INFO"
    });
    let error = errors.next().unwrap().to_owned();
    assert_eq!(errors.next(), None, "{log}");
    error
}

#[test]
fn startup_errors_name_the_setting() {
    let database = TestDatabase::new();
    let url = ("DEVICES__DATABASE__URL", database.url());

    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = occupied.local_addr().unwrap().port().to_string();
    let error = startup_error(&[url, ("DEVICES__SERVER__PORT", &port)]);
    assert!(
        error.contains(&port) && error.contains("DEVICES__SERVER__PORT"),
        "{error}"
    );

    let unreachable = "postgres://nobody:hunter2@127.0.0.1:1/devices";
    let error = startup_error(&[("DEVICES__DATABASE__URL", unreachable)]);
    assert!(
        error.contains("connections? Check that PostgreSQL runs and that DEVICES__DATABASE__URL"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("postgres://nobody@{}/devices", silent.local_addr().unwrap());
    let error = startup_error(&[("DEVICES__DATABASE__URL", &silent)]);
    assert!(error.contains("timeout"), "{error}");

    for invalid in [
        "mysql://nobody:hunter2@localhost/devices",
        "postgres://nobody:hunter2@[::1]x/devices",
        "postgres://nobody:hunter2%ZZ@localhost/devices",
        "postgres://nobody:hunter2/x@localhost/devices",
        "postgres://nobody:x@hunter2@localhost/devices",
        "postgres://nobody:x@hunter2/x@localhost/devices",
        "password=x hunter2",
    ] {
        let error = startup_error(&[("DEVICES__DATABASE__URL", invalid)]);
        assert!(error.contains("postgres://user:password@host"), "{error}");
        assert!(
            error.contains("Correct the URL in DEVICES__DATABASE__URL"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }

    let error = startup_error(&[]);
    assert!(error.contains("DEVICES__DATABASE__URL"), "{error}");
    let error = startup_error(&[url, ("DEVICES__SERVER__PORT", "http")]);
    assert!(
        error.contains("DEVICES__SERVER__PORT must be from 0 to 65535"),
        "{error}"
    );
    let error = startup_error(&[url, ("DEVICES__LIMITS__BODY_BYTES", "0")]);
    assert!(error.contains("DEVICES__LIMITS__BODY_BYTES"), "{error}");
    let error = startup_error(&[url, ("DEVICES__SERVER__PROT", "1")]);
    assert!(
        error.contains("did you mean DEVICES__SERVER__PORT?"),
        "{error}"
    );
    let error = startup_error(&[url, ("DEVICES_ENVIRONMENT", "staging")]);
    assert!(error.contains("production"), "{error}");
    let error = startup_error(&[url, ("DEVICES__LOG__LEVEL", "a=b=c")]);
    assert!(error.contains("DEVICES__LOG__LEVEL"), "{error}");
}

#[test]
fn outdated_schema_is_reported() {
    let database = TestDatabase::empty();
    let error = startup_error(&[
        ("DEVICES__DATABASE__URL", database.url()),
        ("DEVICES__DATABASE__MIGRATE_ON_START", "false"),
    ]);
    assert!(error.contains("devices-api migrate"), "{error}");
}

#[test]
fn database_with_unsuitable_locale_is_rejected() {
    for (options, problem) in [
        ("ENCODING 'UTF8' LOCALE 'C'", "pg_trgm finds no letters"),
        (
            "ENCODING 'LATIN1' LOCALE 'C'",
            "is LATIN1, but must be UTF8",
        ),
        (
            "ENCODING 'SQL_ASCII' LOCALE 'C'",
            "is SQL_ASCII, but must be UTF8",
        ),
    ] {
        let database = TestDatabase::with_options(options);
        let name = database.name().to_owned();
        let statement =
            format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';");
        let migrated = devices_tests::run(&database, &["migrate"]);
        assert_eq!(migrated.code, 1, "{options}: {migrated:?}");
        let url = ("DEVICES__DATABASE__URL", database.url());
        for error in [startup_error(&[url]), migrated.stderr] {
            assert!(error.contains(problem), "{options}: {error}");
            assert!(error.contains(&statement), "{options}: {error}");
        }
        // The check leaves nothing behind.
        let extensions = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'";
        assert_eq!(database.texts(extensions), Vec::<String>::new());
    }
}

#[test]
fn migrated_database_of_locale_c_is_rejected() {
    let database = TestDatabase::with_options("ENCODING 'UTF8' LOCALE 'C'");
    database.execute("CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions");
    let error = startup_error(&[
        ("DEVICES__DATABASE__URL", database.url()),
        ("DEVICES__DATABASE__MIGRATE_ON_START", "false"),
    ]);
    assert!(error.contains("pg_trgm finds no letters"), "{error}");
}

#[test]
fn advised_database_is_accepted() {
    let database = TestDatabase::with_options("ENCODING 'UTF8' LOCALE 'C.UTF-8'");
    let migrated = devices_tests::run(&database, &["migrate"]);
    assert_eq!(migrated.code, 0, "{migrated:?}");
}
