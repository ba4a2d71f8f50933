//! Starting the server.

use std::os::unix::fs::PermissionsExt;

use devices_tests::{Server, ServerOptions, TestDatabase, binary, device, send};
use serde_json::{Value, json};

#[test]
fn a_database_that_may_lose_what_it_committed_is_warned_of() {
    let database = TestDatabase::new();
    database.set_default("synchronous_commit", "off");
    let server = Server::start(&database);
    let line = server.log_line(|line| line.contains("may lose"));
    assert!(
        line.contains(r#""settings":"synchronous_commit""#),
        "{line}"
    );
}

#[test]
fn the_first_start_makes_a_demo_workspace_whose_keys_outlive_restarts() {
    let database = TestDatabase::empty();
    let folder = std::env::temp_dir().join(format!("devices-demo-{}", std::process::id()));
    let file = folder.join("demo-keys.env");
    let options = ServerOptions {
        arguments: vec!["--demo-keys".to_owned(), file.display().to_string()],
        ..ServerOptions::default()
    };
    let start = || Server::start_with(&database, &options);

    let server = start();
    let header = server.output_line(|line| line.contains("Authorization: Bearer fdk_"));
    let kept = std::fs::read_to_string(&file).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let lines: Vec<_> = kept.lines().collect();
    let write = lines[0].strip_prefix("DEMO_WRITE_KEY=").unwrap();
    let read = lines[1].strip_prefix("DEMO_READ_KEY=").unwrap();
    assert!(header.contains(write));
    let post = |server: &Server, key: &str| {
        let client = reqwest::blocking::Client::new();
        let request = client.post(server.url("/devices")).bearer_auth(key);
        send(request.json(&json!({"devices": [device(json!({"user_id": 1}))]}))).status
    };
    assert_eq!((post(&server, write), post(&server, read)), (201, 403));
    assert_eq!(database.count("users"), 3);
    drop(server);

    let server = start();
    server.output_line(|line| line.contains("Authorization: Bearer fdk_"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), kept);
    assert_eq!((post(&server, write), post(&server, read)), (201, 403));
    assert_eq!(
        (database.count("users"), database.count("api_keys")),
        (3, 2)
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_address_is_told_to_programs_as_json() {
    let database = TestDatabase::new();
    let options = ServerOptions {
        arguments: vec!["--json".to_owned()],
        ..ServerOptions::default()
    };
    let server = Server::start_with(&database, &options);
    let line = server.output_line(|line| line.contains("address"));
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["address"], server.url(""));
    assert!(told["metrics"].as_str().unwrap().ends_with("/metrics"));
}

#[test]
fn several_processes_may_start_on_an_empty_database_at_once() {
    let database = TestDatabase::empty();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| Server::start(&database));
        }
    });
    assert_eq!(database.count("workspaces"), 0);
}

/// What the binary says when it cannot start: one sentence, and not 0.
fn complaint(settings: &[(&str, &str)]) -> String {
    let output = binary()
        .envs(settings.iter().copied())
        .arg("serve")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint
}

#[test]
fn a_server_that_cannot_start_says_what_to_do() {
    let database = TestDatabase::new();
    let url = ("DEVICES__DATABASE__URL", database.url());

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = complaint(&[url, ("DEVICES__SERVER__PORT", &port)]);
    assert!(
        said.contains(&port) && said.contains("DEVICES__SERVER__PORT"),
        "{said}"
    );

    let nowhere = "postgres://nobody:hunter2@127.0.0.1:1/devices";
    let said = complaint(&[("DEVICES__DATABASE__URL", nowhere)]);
    assert!(said.contains("DEVICES__DATABASE__URL"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("postgres://nobody@{}/devices", silent.local_addr().unwrap());
    let said = complaint(&[("DEVICES__DATABASE__URL", &silent)]);
    assert!(said.contains("timeout"), "{said}");

    for mistyped in [
        "mysql://nobody:hunter2@localhost/devices",
        "postgres://nobody:hunter2@[::1]x/devices",
        "postgres://nobody:hunter2%ZZ@localhost/devices",
        "postgres://nobody:hunter2/x@localhost/devices",
        "postgres://nobody:x@hunter2@localhost/devices",
        "postgres://nobody:x@hunter2/x@localhost/devices",
        "password=x hunter2",
    ] {
        let said = complaint(&[("DEVICES__DATABASE__URL", mistyped)]);
        assert!(said.contains("postgres://user:password@host"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    let said = complaint(&[]);
    assert!(said.contains("DEVICES__DATABASE__URL"), "{said}");
    let said = complaint(&[url, ("DEVICES__SERVER__PORT", "http")]);
    assert!(said.contains("server.port"), "{said}");
    let said = complaint(&[url, ("DEVICES__LIMITS__BODY_BYTES", "0")]);
    assert!(said.contains("DEVICES__LIMITS__BODY_BYTES"), "{said}");
    let said = complaint(&[url, ("DEVICES__SERVER__PROT", "1")]);
    assert!(said.contains("prot"), "{said}");
    let said = complaint(&[url, ("DEVICES_ENVIRONMENT", "staging")]);
    assert!(said.contains("production"), "{said}");
    let said = complaint(&[url, ("DEVICES__LOG__LEVEL", "a=b=c")]);
    assert!(said.contains("DEVICES__LOG__LEVEL"), "{said}");
}

#[test]
fn a_server_that_may_not_migrate_says_that_the_schema_is_old() {
    let database = TestDatabase::empty();
    let said = complaint(&[
        ("DEVICES__DATABASE__URL", database.url()),
        ("DEVICES__DATABASE__MIGRATE_ON_START", "false"),
    ]);
    assert!(said.contains("devices-api migrate"), "{said}");
}
