//! What an operator relies on: probes, log lines, settings, stopping.

mod database_faults;
mod limits;
mod observability;

use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use devices_tests::{Api, Server, ServerOptions, TestDatabase, binary, device, race, send};
use reqwest::blocking::Body;
use serde_json::{Value, json};

#[test]
fn the_probes_answer() {
    let api = Api::start();
    assert_eq!(api.get("/livez").status, 200);
    assert_eq!(api.get("/readyz").status, 200);
}

#[test]
fn an_unforeseen_database_error_is_a_500_that_says_nothing_and_is_logged_without_values() {
    let api = Api::start();
    api.database
        .execute("ALTER TABLE devices ADD CONSTRAINT no_ada CHECK (name <> 'Ada''s secret')");
    let answer = api.post(&json!([device(json!({"name": "Ada's secret"}))]));
    assert_eq!(answer.status, 500);
    assert_eq!(answer.text, r#"{"error":"INTERNAL_ERROR"}"#);
    let line = api.server.log_of(answer.header("x-request-id"));
    assert_eq!(line["level"], "ERROR");
    assert!(line["cause"].as_str().unwrap().contains("no_ada"));
    assert!(!line.to_string().contains("secret"));
}

#[test]
fn what_can_be_read_can_be_asked_for_its_headers_alone() {
    let api = Api::start();
    for path in [
        "/livez",
        "/readyz",
        "/openapi.json",
        "/openapi.yaml",
        "/docs/",
    ] {
        let (get, head) = (api.get(path), send(api.request("HEAD", path)));
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"));
    }
}

#[test]
fn a_request_is_one_log_line_without_secrets_and_customers_values() {
    let api = Api::start();
    let sent = device(json!({"name": "Ada's laptop", "serial_number": "SECRET-SN"}));
    let answer = api.post(&json!([sent, sent]));
    assert_eq!(answer.status, 400);
    let id = answer.header("x-request-id");
    let line = api.server.log_of(id);
    let of_request = |log: &[String]| log.iter().filter(|line| line.contains(id)).count();
    assert_eq!(of_request(&api.server.log()), 1);
    let known: Vec<_> = [
        "method",
        "route",
        "status",
        "workspace",
        "key",
        "devices",
        "problem",
    ]
    .iter()
    .map(|name| line[name].clone())
    .collect();
    assert_eq!(
        known,
        [
            json!("POST"),
            json!("/devices"),
            json!(400),
            json!(1),
            json!(1),
            json!(2),
            json!("INVALID_SERIAL_NUMBER")
        ]
    );
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    for word in ["Ada", "SECRET", "fdk_"] {
        assert!(!line.to_string().contains(word), "{line}");
    }
    let unknown = api.get("/devices/SECRET-SN?token=SECRET");
    let line = api.server.log_of(unknown.header("x-request-id"));
    assert!(!line.to_string().contains("SECRET"), "{line}");
}

#[test]
fn a_request_keeps_the_id_that_its_client_gave_it_if_it_is_fit_to_be_logged() {
    let api = Api::start();
    let ask = |id: &str| send(api.request("GET", "/livez").header("X-Request-Id", id));
    assert_eq!(ask("job-17_a.2").header("x-request-id"), "job-17_a.2");
    for unfit in ["a b", "\"", &"x".repeat(129)] {
        let given = ask(unfit);
        let id = given.header("x-request-id");
        assert!(!id.is_empty() && id != unfit);
    }
}

#[test]
fn paths_and_methods_that_are_not_there() {
    let api = Api::start();
    for path in [
        "/",
        "/device",
        "/devices/",
        "/platform/v1",
        "/platform/v1/device",
        "/docs/none.js",
        "/platform/v2/devices",
        "/%00",
    ] {
        let answer = api.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json(), json!({"error": "NOT_FOUND"}), "{path}");
        assert!(!answer.header("x-request-id").is_empty());
    }
    for path in ["/devices", "/platform/v1/devices"] {
        for method in ["PUT", "DELETE", "TRACE"] {
            let answer = send(api.request(method, path));
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET, HEAD, POST");
            assert_eq!(answer.json(), json!({"error": "METHOD_NOT_ALLOWED"}));
        }
    }
    let answer = send(api.request("POST", "/livez"));
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
}

#[test]
fn a_request_for_no_path_at_all_is_answered_like_one_for_an_unknown_path() {
    let api = Api::start();
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = "OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Request-Id: star\r\nConnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("x-request-id: star"), "{answer}");
    assert!(answer.ends_with(r#"{"error":"NOT_FOUND"}"#), "{answer}");
    assert_eq!(api.server.log_of("star")["status"], 404);
}

#[test]
fn a_client_that_goes_away_leaves_a_whole_batch_and_one_log_line() {
    let api = Api::start();
    let blocker = api.database.lock("device_events");
    let rows = [("serial_number", "SN1"), ("serial_number", "SN2")]
        .map(|(name, value)| device(json!({name: value})));
    let body = json!({"devices": rows}).to_string();
    let length = format!("Content-Length: {}", body.len());
    let mut socket = api.begin_post(&["X-Request-Id: gone", "Expect: 100-continue", &length]);
    socket.write_all(body.as_bytes()).unwrap();
    api.database.wait_until_one_is_blocked();
    // What was not read turns the end of the connection into a reset.
    drop(socket);
    assert_eq!(api.server.log_of("gone")["status"], 499);
    drop(blocker);
    let answer = api.post(&json!([device(json!({"serial_number": "SN2"}))]));
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(api.database.count("devices"), 2);
    let lines = api.server.log();
    assert_eq!(lines.iter().filter(|line| line.contains("gone")).count(), 1);
}

#[test]
fn one_large_body_too_many_is_a_503_and_small_ones_are_not_disturbed() {
    let one = ServerOptions::with("DEVICES__LIMITS__LARGE_BODIES", 1);
    let api = Api::start_with(&one.and("DEVICES__LIMITS__LARGE_BODY_WAIT_MS", 0));
    let mut body = json!({"devices": [device(json!({"serial_number": "SN1"}))]}).to_string();
    body.push_str(&" ".repeat(100_000));
    let blocker = api.database.lock("devices_mdm");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| api.post_text(body.clone()));
        api.database.wait_until_one_is_blocked();
        let announced = api.post_text(body.clone());
        let in_chunks = api.post_text(Body::new(Cursor::new(body.clone())));
        for answer in [announced, in_chunks] {
            assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
            assert_eq!(answer.json(), json!({"error": "SERVICE_UNAVAILABLE"}));
        }
        assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 201);
    });
    let again = api.post_text(body);
    assert_eq!(again.status, 400, "{}", again.text);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn large_bodies_that_come_at_once_wait_for_each_other() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__LARGE_BODIES", 1));
    let mut body = json!({"devices": [device(json!({}))]}).to_string();
    body.push_str(&" ".repeat(100_000));
    let answers = race(8, |_| api.post_text(body.clone()).status);
    assert_eq!(answers, [201; 8]);
}

#[test]
fn a_batch_is_stored_in_five_statements_however_many_devices_it_holds() {
    for count in [1, 10, 1_000] {
        let devices: Vec<_> = (0..count)
            .map(|number| device(json!({"serial_number": format!("S-{number}")})))
            .collect();
        // A server that has stored nothing yet has nothing to index beside it.
        let api = Api::start();
        assert_eq!(api.post(&json!(devices)).status, 201);
        let log = api.server.log();
        let is_beside_it = |line: &str| {
            let others = [
                "SET statement_timeout",
                "api_keys",
                "device_search_queue\\\"",
            ];
            others.iter().any(|words| line.contains(words))
        };
        let mut of_batch: Vec<&String> = log
            .iter()
            .filter(|line| line.contains("\"statement\":") && !is_beside_it(line))
            .skip_while(|line| !line.contains("BEGIN"))
            .collect();
        let end = of_batch.iter().position(|line| line.contains("COMMIT"));
        of_batch.truncate(end.unwrap() + 1);
        assert_eq!(of_batch.len(), 5, "{of_batch:#?}");
    }
}

#[test]
fn a_request_under_way_is_carried_to_its_end_when_the_server_is_told_to_stop() {
    for signal in ["TERM", "INT"] {
        let mut api = Api::start();
        let body = json!({"devices": [device(json!({}))]}).to_string();
        let (start, rest) = body.split_at(10);
        let length = format!("Content-Length: {}", body.len());
        let mut socket = api.begin_post(&["Expect: 100-continue", &length]);
        // The server asks for the body once it has begun with the request.
        let mut asked = [0; 25];
        socket.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        socket.write_all(start.as_bytes()).unwrap();
        api.server.signal(signal);
        socket.write_all(rest.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(api.server.wait().success());
        assert_eq!(api.database.count("devices"), 1);
    }
}

#[test]
fn a_second_signal_does_not_wait_for_requests_under_way() {
    let hour = "3600";
    let options = ServerOptions::with("DEVICES__LIMITS__BODY_SECONDS", hour)
        .and("DEVICES__SERVER__SHUTDOWN_SECONDS", hour);
    let mut api = Api::start_with(&options);
    let mut socket = api.begin_post(&["Expect: 100-continue", "Content-Length: 500"]);
    let mut asked = [0; 25];
    socket.read_exact(&mut asked).unwrap();
    api.server.signal("TERM");
    api.server.log_line(|line| line.contains("stopping"));
    api.server.signal("TERM");
    assert_eq!(api.server.wait().code(), Some(1));
}

#[test]
fn a_server_that_is_told_to_stop_says_so_first_and_works_on_until_proxies_have_noticed() {
    let options = ServerOptions::with("DEVICES__SERVER__DRAIN_SECONDS", 600);
    let mut api = Api::start_with(&options);
    assert_eq!(
        api.post(&json!([device(json!({}))])).header("connection"),
        ""
    );
    api.server.signal("TERM");
    api.server.log_line(|line| line.contains("stopping"));
    let answer = api.get("/readyz");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert_eq!(api.get("/livez").status, 200);
    let answer = api.post(&json!([device(json!({}))]));
    // Whoever keeps connections open is sent to another server.
    assert_eq!((answer.status, answer.header("connection")), (201, "close"));
    api.server.signal("TERM");
    assert_eq!(api.server.wait().code(), Some(1));
}

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
fn a_server_that_is_killed_in_the_middle_of_a_batch_stores_nothing_of_it() {
    let api = Api::start();
    let blocker = api.database.lock("devices_mdm");
    let rows: Vec<_> = (0..100)
        .map(|row| device(json!({"serial_number": format!("SN{row}")})))
        .collect();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let request = api.request("POST", "/devices").bearer_auth(&api.key);
            request.json(&json!({"devices": rows})).send().is_err()
        });
        // The rows are written, and the enrolments are waited for.
        api.database.wait_until_one_is_blocked();
        api.server.signal("KILL");
        assert!(sent.join().unwrap());
    });
    drop(blocker);
    assert_eq!(api.database.count("devices"), 0);
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

#[test]
fn nothing_of_the_log_is_anything_but_json_in_the_test_environment() {
    let api = Api::start();
    let answer = api.post(&json!([]));
    api.server.log_of(answer.header("x-request-id"));
    for line in api.server.log() {
        assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
    }
}
