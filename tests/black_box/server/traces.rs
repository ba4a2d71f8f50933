//! Distributed traces: the header `traceparent`, in the access log and in PostgreSQL.

use std::thread;

use devices_tests::{Api, Response, ServerOptions, device};
use serde_json::{Value, json};

use super::one_device;

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: &str = "b7ad6b7169203331";

/// Returns a `traceparent` with these flags.
fn traceparent(flags: &str) -> String {
    format!("00-{TRACE_ID}-{SPAN_ID}-{flags}")
}

/// Sends a request that is part of a sampled trace.
fn send_sampled(api: &Api, method: &str, path: &str, body: Option<&Value>) -> Response {
    let request = api.request(method, path).bearer_auth(&api.key);
    let request = request.header("traceparent", traceparent("01"));
    devices_tests::send(match body {
        Some(body) => request.json(body),
        None => request,
    })
}

#[test]
fn access_log_contains_trace() {
    let api = Api::start();
    for (flags, is_sampled) in [("00", false), ("01", true)] {
        let header = traceparent(flags);
        let response = api.call_with("GET", "/devices", &[("traceparent", &header)]);
        let entry = api.server.access_log_entry(response.header("x-request-id"));
        let logged = [&entry["trace_id"], &entry["span_id"], &entry["sampled"]];
        assert_eq!(
            logged,
            [&json!(TRACE_ID), &json!(SPAN_ID), &json!(is_sampled)]
        );
    }
}

#[test]
fn invalid_traceparent_is_ignored() {
    let api = Api::start();
    let valid = traceparent("01");
    let upper_case = valid.to_uppercase();
    let injection = format!("00-{TRACE_ID}-{SPAN_ID}'; DROP TABLE devices; --01");
    for headers in [
        &[("traceparent", upper_case.as_str())][..],
        &[("traceparent", &injection)],
        &[("traceparent", &valid), ("traceparent", &valid)],
        &[],
    ] {
        let response = api.call_with("GET", "/devices", headers);
        assert_eq!(response.status, 200);
        let entry = api.server.access_log_entry(response.header("x-request-id"));
        for field in ["trace_id", "span_id", "sampled"] {
            assert_eq!(entry[field], Value::Null, "{headers:?}");
        }
    }
}

#[test]
fn postgresql_shows_trace_of_sampled_request() {
    let timeout = ServerOptions::with("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000)
        .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000);
    let api = Api::start_with(&timeout);
    let id = api.create_device(json!({}));
    let device_path = format!("/devices/{id}");
    let batch: Vec<_> = (0..20).map(|_| device(json!({}))).collect();
    let named = format!("application_name = 'devices-api {TRACE_ID}-{SPAN_ID}'");
    for (method, path, body, status) in [
        (
            "POST",
            "/devices",
            Some(json!({ "devices": one_device() })),
            201,
        ),
        ("POST", "/devices", Some(json!({ "devices": batch })), 201),
        (
            "PATCH",
            &device_path,
            Some(json!({ "comment": "traced" })),
            200,
        ),
        ("GET", &device_path, None, 200),
        ("GET", "/devices?limit=1", None, 200),
        ("GET", "/events", None, 200),
    ] {
        // All of them but the feed read devices.
        let table = if path == "/events" {
            "event_feeds"
        } else {
            "devices"
        };
        let lock = api.lock(table);
        let response = thread::scope(|scope| {
            let request = scope.spawn(|| send_sampled(&api, method, path, body.as_ref()));
            let blocked = format!("{named} AND wait_event_type = 'Lock'");
            api.database.wait_for_session(&blocked);
            drop(lock);
            request.join().unwrap()
        });
        assert_eq!(
            response.status, status,
            "{method} {path}: {}",
            response.text
        );
        // The name ends with the transaction.
        let sessions = format!("pg_stat_activity WHERE {named}");
        assert_eq!(api.database.count(&sessions), 0, "{method} {path}");
    }
}

#[test]
fn trace_is_part_of_no_other_statement() {
    let api = Api::start();
    api.create_device(json!({}));
    let sampled = || {
        send_sampled(
            &api,
            "POST",
            "/devices",
            Some(&json!({ "devices": one_device() })),
        )
    };
    let (response, statements) = api.server.statements_during(sampled);
    assert_eq!(response.status, 201);
    let traced: Vec<_> = statements
        .iter()
        .filter(|line| line.contains(TRACE_ID))
        .collect();
    assert_eq!(traced.len(), 1, "{statements:#?}");
    let begin = format!("BEGIN; SET LOCAL application_name = 'devices-api {TRACE_ID}-{SPAN_ID}'");
    assert!(traced[0].contains(&begin), "{traced:?}");
    let prepared = api.server.log_lines();
    let mut prepared = prepared
        .iter()
        .filter(|line| line.contains(r#""prepared":"#));
    assert!(!prepared.any(|line| line.contains(TRACE_ID)));
}

#[test]
fn unsampled_request_takes_no_further_statement() {
    let api = Api::start();
    api.create_device(json!({}));
    api.wait_for_startup_jobs();
    let unsampled = traceparent("00");
    let headers = [("traceparent", unsampled.as_str())];
    let body = json!({ "devices": one_device() });
    let post = || api.send_with("POST", "/devices", &headers, &body);
    let (response, statements) = api.server.statements_during(post);
    assert_eq!(response.status, 201);
    for words in ["application_name", "COMMIT"] {
        let mut lines = statements.iter();
        assert!(!lines.any(|line| line.contains(words)), "{statements:#?}");
    }
}
