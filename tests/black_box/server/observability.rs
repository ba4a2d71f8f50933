//! Figures for Prometheus, and the audit trail.

use devices_tests::{Answer, Api, ServerOptions, device, run, send};
use serde_json::{Value, json};

use super::one;

/// What is counted under a name, with these labels.
fn counted(api: &Api, line: &str) -> f64 {
    let figures = api.server.figures();
    let value = figures.lines().find_map(|found| found.strip_prefix(line));
    value.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[test]
fn what_happens_is_counted_on_a_port_of_its_own() {
    let api = Api::start_with(&ServerOptions::with(
        "DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE",
        5,
    ));
    let post = |rows: &Value| -> Answer {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let request = request.header("Idempotency-Key", "nightly-import");
        send(request.json(&json!({ "devices": rows })))
    };
    let bad = json!([device(json!({"name": "", "serial_number": "None"}))]);
    let statuses = [&one(), &one(), &bad].map(|rows| post(rows).status);
    assert_eq!(statuses, [201, 201, 422]);
    assert_eq!(api.post(&bad).status, 400);
    assert_eq!(api.post(&one()).status, 201);
    assert_eq!(api.post(&one()).status, 429);
    assert_eq!(api.get("/metrics").status, 404);
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
        assert_eq!(counted(&api, line), expected, "{line}");
    }
    assert!(counted(&api, "devices_pool_wait_seconds_count") > 0.0);
    assert!(counted(&api, r#"devices_pool_connections{state="idle"}"#) > 0.0);
}

#[test]
fn the_audit_trail_says_who_did_what_to_which_devices() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let rows = json!([device(json!({})), device(json!({}))]);
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("X-Request-Id", "job-17");
    assert_eq!(send(request.json(&json!({ "devices": rows }))).status, 201);
    assert_eq!(api.post_as(&globex, &one()).status, 201);
    assert_eq!(api.post(&one()).status, 201);

    let audit = |more: &[&str]| {
        let ran = run(
            &api.database,
            &[&["audit", "--workspace", "acme"], more].concat(),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    let events = api.events();
    let told: Vec<_> = events
        .iter()
        .map(|event| (&event["action"], &event["key_id"], &event["device_ids"]))
        .collect();
    let (created, key) = (json!("CREATED"), json!(1));
    assert_eq!(
        told,
        [
            (&created, &key, &json!([1, 2])),
            (&created, &key, &json!([4]))
        ]
    );
    assert_eq!(events[0]["request_id"], "job-17");
    let table = audit(&[]);
    assert!(
        table.contains("CREATED  2 devices: 1-2  by key 1, request job-17"),
        "{table}"
    );
    assert_eq!(audit(&["--device", "2", "--json"]).lines().count(), 1);
    assert_eq!(audit(&["--since", "1h", "--json"]).lines().count(), 2);
    assert_eq!(audit(&["--since", "2099-01-01", "--json"]), "");
    let ran = run(&api.database, &["audit", "--workspace", "initech"]);
    assert!(ran.stderr.contains("workspace list"), "{ran:?}");
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
fn nothing_of_the_log_is_anything_but_json_in_the_test_environment() {
    let api = Api::start();
    let answer = api.post(&json!([]));
    api.server.log_of(answer.header("x-request-id"));
    for line in api.server.log() {
        assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
    }
}
