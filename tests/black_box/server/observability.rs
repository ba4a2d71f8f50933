//! Logs, metrics and the audit trail.

use std::time::{Duration, Instant};

use devices_tests::{Api, Response, ServerOptions, device, run, send};
use serde_json::{Value, json};

use super::one_device;

/// Returns the value of a metric with its labels, or 0 if it is absent.
fn metric(api: &Api, name: &str) -> f64 {
    let metrics = api.server.metrics();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[test]
fn metrics_are_served_on_their_own_port() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE",
        5,
    ));
    let post = |rows: &Value| -> Response {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let request = request.header("Idempotency-Key", "nightly-import");
        send(request.json(&json!({ "devices": rows })))
    };
    let invalid = json!([device(json!({"name": "", "serial_number": "None"}))]);
    let statuses = [&one_device(), &one_device(), &invalid].map(|rows| post(rows).status);
    assert_eq!(statuses, [201, 201, 422]);
    assert_eq!(api.post(&invalid).status, 400);
    assert_eq!(api.post(&one_device()).status, 201);
    assert_eq!(api.post(&one_device()).status, 429);
    assert_eq!(api.get_without_key("/metrics").status, 404);
    for (line, expected) in [
        (
            r#"devices_http_requests_total{method="POST",route="/devices",status="201"}"#,
            3.0,
        ),
        (
            r#"devices_http_requests_total{method="POST",route="/devices",status="400"}"#,
            1.0,
        ),
        (
            r#"devices_http_request_duration_seconds_count{route="/devices"}"#,
            6.0,
        ),
        (r#"devices_rows_refused_total{code="INVALID_FIELD"}"#, 1.0),
        (
            r#"devices_rows_refused_total{code="INVALID_SERIAL_NUMBER"}"#,
            1.0,
        ),
        ("devices_idempotent_replays_total", 1.0),
        (
            r#"devices_rate_limit_decisions_total{decision="passed"}"#,
            5.0,
        ),
        (
            r#"devices_rate_limit_decisions_total{decision="limited"}"#,
            1.0,
        ),
        (r#"devices_pool_connections{state="in_use"}"#, 0.0),
        ("devices_batch_rows_sum", 3.0),
    ] {
        assert_eq!(metric(&api, line), expected, "{line}");
    }
    for class in ["key_lookup", "request", "job"] {
        let name = format!(r#"devices_pool_wait_seconds_count{{class="{class}"}}"#);
        assert!(metric(&api, &name) > 0.0, "{class}");
    }
    assert!(metric(&api, r#"devices_pool_connections{state="idle"}"#) > 0.0);
}

#[test]
fn indexed_devices_are_counted() {
    let api = Api::start();
    api.create_devices([json!({}), json!({}), json!({})]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while metric(&api, "devices_search_indexed_total") < 3.0 {
        assert!(Instant::now() < deadline, "the devices are not indexed");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(metric(&api, "devices_search_indexed_total"), 3.0);
    let metrics = api.server.metrics();
    for gauge in ["devices", "oldest_seconds"] {
        let gauge = format!("# TYPE devices_search_queue_{gauge} gauge");
        assert!(metrics.contains(&gauge), "{metrics}");
    }
}

#[test]
fn audit_trail_records_key_and_devices() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let rows = json!([device(json!({})), device(json!({}))]);
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("X-Request-Id", "job-17");
    assert_eq!(send(request.json(&json!({ "devices": rows }))).status, 201);
    assert_eq!(api.post_as(&globex, &one_device()).status, 201);
    assert_eq!(api.post(&one_device()).status, 201);

    let audit = |arguments: &[&str]| {
        let output = run(
            &api.database,
            &[&["audit", "--workspace", "acme"], arguments].concat(),
        );
        assert_eq!(output.code, 0, "{output:?}");
        output.stdout
    };
    let events = api.events();
    let summary: Vec<_> = events
        .iter()
        .map(|event| (&event["action"], &event["key_id"], &event["device_ids"]))
        .collect();
    let (created, key) = (json!("CREATED"), json!(1));
    assert_eq!(
        summary,
        [
            (&created, &key, &json!([1, 2])),
            (&created, &key, &json!([4]))
        ]
    );
    let ids = |event: &Value| {
        [
            event["request_id"].clone(),
            event["client_request_id"].clone(),
        ]
    };
    let entry = api.server.access_log_entry("job-17");
    assert_eq!(ids(&events[0]), ids(&entry));
    assert_eq!(ids(&events[0])[1], "job-17");
    assert_eq!(ids(&events[1])[1], Value::Null);
    let table = audit(&[]);
    let id = entry["request_id"].as_str().unwrap();
    let line = format!("CREATED  2 devices: 1-2  by key 1, request {id}, client's request job-17");
    assert!(table.contains(&line), "{table}");
    assert_eq!(audit(&["--device", "2", "--json"]).lines().count(), 1);
    // The two batches, the workspace and its key.
    assert_eq!(audit(&["--since", "1h", "--json"]).lines().count(), 4);
    assert_eq!(audit(&["--since", "2099-01-01", "--json"]), "");
    let output = run(&api.database, &["audit", "--workspace", "initech"]);
    assert!(output.stderr.contains("workspace list"), "{output:?}");
}

#[test]
fn unexpected_database_error_hides_values() {
    let api = Api::start();
    api.database
        .execute("ALTER TABLE devices ADD CONSTRAINT no_ada CHECK (name <> 'Ada''s secret')");
    let response = api.post(&json!([device(json!({"name": "Ada's secret"}))]));
    assert_eq!(response.status, 500);
    assert_eq!(response.text, r#"{"error":"INTERNAL_ERROR"}"#);
    let line = api.server.access_log_entry(response.header("x-request-id"));
    assert_eq!(line["level"], "ERROR");
    assert!(line["cause"].as_str().unwrap().contains("no_ada"));
    assert!(!line.to_string().contains("secret"));
}

#[test]
fn request_is_logged_once_without_values() {
    let api = Api::start();
    let sent = device(json!({"name": "Ada's laptop", "serial_number": "SECRET-SN"}));
    let response = api.post(&json!([sent, sent]));
    assert_eq!(response.status, 400);
    let id = response.header("x-request-id");
    let line = api.server.access_log_entry(id);
    let count_lines = |log: &[String]| log.iter().filter(|line| line.contains(id)).count();
    assert_eq!(count_lines(&api.server.log_lines()), 1);
    let values: Vec<_> = [
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
        values,
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
    let unknown = api.get_without_key("/devices/SECRET-SN?token=SECRET");
    let line = api.server.access_log_entry(unknown.header("x-request-id"));
    assert!(!line.to_string().contains("SECRET"), "{line}");
}

#[test]
fn access_log_names_client_of_every_request() {
    let header = "X-Forwarded-For";
    let options = ServerOptions::with("DEVICES__SERVER__CLIENT_ADDRESS_HEADER", header)
        .and("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", 1)
        .and("DEVICES__RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_MINUTE", 1);
    let api = Api::start_with(&options);
    let read_key = api.create_key("acme", "READ");
    for (method, path, key, status) in [
        ("GET", "/devices", api.key.as_str(), 200),
        ("GET", "/devices", &api.key, 429),
        ("DELETE", "/devices/1", &read_key, 403),
        ("GET", "/devices", "none", 401),
        ("GET", "/devices", "none", 429),
        ("GET", "/nowhere", "none", 404),
        ("PUT", "/livez", "none", 405),
    ] {
        let request = api.request(method, path).bearer_auth(key);
        let response = send(request.header(header, "192.0.2.1, 192.0.2.2"));
        assert_eq!(response.status, status, "{method} {path}");
        let entry = api.server.access_log_entry(response.header("x-request-id"));
        assert_eq!(entry["client"], "192.0.2.2", "{entry}");
    }
    let direct = api.get_without_key("/livez");
    let entry = api.server.access_log_entry(direct.header("x-request-id"));
    assert_eq!(entry["client"], "127.0.0.1", "{entry}");
}

#[test]
fn access_log_entries_are_bounded() {
    let api = Api::start();
    let long = "x".repeat(20_000);
    for (method, path) in [
        (long.as_str(), "/devices"),
        ("GET", &format!("/{long}")),
        ("GET", &format!("/devices/{long}?search={long}")),
    ] {
        let response = send(api.request(method, path).header("X-Request-Id", &long));
        let entry = api.server.access_log_entry(response.header("x-request-id"));
        assert!(entry.to_string().len() < 1_000, "{entry}");
    }
}

/// Posts a batch to a new server. Returns the logged statements that it took, without those of the
/// key, jobs, and sessions that the pool opens meanwhile.
fn statements_of_batch(count: usize) -> Vec<String> {
    let devices: Vec<_> = (0..count)
        .map(|number| device(json!({"serial_number": format!("S-{number}")})))
        .collect();
    let api = Api::start();
    // Its transaction is not that of the batch.
    api.wait_for_startup_jobs();
    let (response, mut statements) = api.server.statements_during(|| api.post(&json!(devices)));
    assert_eq!(response.status, 201);
    let unrelated = ["SET statement_timeout", "pg_backend_pid", "api_keys"];
    statements.retain(|line| !unrelated.iter().any(|words| line.contains(words)));
    statements
}

#[test]
fn small_batch_takes_two_statements() {
    for count in [1, 10] {
        let statements = statements_of_batch(count);
        let reserved = statements
            .iter()
            .position(|line| line.contains("devices_id_seq"));
        let batch = &statements[reserved.unwrap()..];
        assert!(batch[1].contains("INSERT INTO devices"), "{batch:#?}");
        assert!(
            !batch.iter().any(|line| line.contains("COMMIT")),
            "{batch:#?}"
        );
    }
}

#[test]
fn large_batch_takes_five_statements() {
    let statements = statements_of_batch(1_000);
    let position = |word: &str| statements.iter().position(|line| line.contains(word));
    let copy = position("COPY").unwrap();
    let (before, after) = statements.split_at(copy);
    let begin = before.iter().rposition(|line| line.contains("BEGIN"));
    let end = after.iter().position(|line| line.contains("COMMIT"));
    let count = copy + end.unwrap() - begin.unwrap() + 1;
    assert_eq!(count, 5, "{statements:#?}");
}
