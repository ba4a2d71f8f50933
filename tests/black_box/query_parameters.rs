//! Unknown and repeated query parameters: every route that needs a key rejects them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use devices_tests::{Api, Response, device, send};
use serde_json::{Value, json};

use crate::operations::Operation;

/// Queries with one unknown parameter, and its name in the error.
const UNKNOWN: [(&str, &str); 9] = [
    ("dry_run=true", "dry_run"),
    ("dry_run", "dry_run"),
    ("dry_run=true&dry_run=true", "dry_run"),
    ("dry_run=a&&dry_run=b&", "dry_run"),
    ("%64ry%5Frun=1", "dry_run"),
    ("a+b=1", "a b"),
    ("=1", ""),
    ("=", ""),
    ("%C3%A9=1", "é"),
];

/// Sends an operation with a key and a query.
fn call(api: &Api, key: &str, operation: &Operation, path: &str, query: &str) -> Response {
    let path = format!("{path}?{query}");
    send(operation.request(api, &path).bearer_auth(key))
}

#[test]
fn every_operation_rejects_unknown_parameters() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let admin = api.create_key("acme", "ADMIN");
    for operation in Operation::all() {
        let path = operation.create_path(&api);
        let method = &operation.method;
        // Every change writes an event. No new event means that nothing was stored.
        let before = operation.count_events(&api);
        let call = |query: &str| call(&api, &admin, &operation, &path, query);
        for (query, name) in UNKNOWN {
            let response = call(query);
            let case = format!("{method} {path}?{query}");
            response.assert_parameter_rejected(name, "unknown_field", &case);
            let message = response.json()["error"].as_str().unwrap().to_owned();
            let has_none = message.ends_with(", this route has none");
            assert_eq!(
                has_none,
                operation.parameters.is_empty(),
                "{case}: {message}"
            );
        }
        for name in operation.parameters.iter().filter(|name| *name != "tag") {
            let response = call(&format!("{name}=1&{name}=1"));
            let case = format!("{method} {path} with {name} twice");
            response.assert_parameter_rejected(name, "repeated_field", &case);
        }
        assert_eq!(operation.count_events(&api), before, "{method} {path}");
        let response = call("&&");
        assert!(response.status < 300, "{method} {path}: {}", response.text);
    }
}

#[test]
fn key_is_checked_before_parameters() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let read = api.create_key("acme", "READ");
    for operation in Operation::all() {
        let path = operation.create_path(&api);
        let path = format!("{path}?dry_run=true");
        let case = format!("{} {path}", operation.method);
        let without_key = send(operation.request(&api, &path));
        without_key.assert_error(401, "UNAUTHORIZED");
        let response = send(operation.request(&api, &path).bearer_auth(&read));
        if operation.is_read() {
            response.assert_parameter_rejected("dry_run", "unknown_field", &case);
        } else {
            response.assert_error(403, "INSUFFICIENT_SCOPE");
        }
    }
}

#[test]
fn rejected_batch_stores_no_idempotency_key() {
    let api = Api::start();
    let headers = [("Idempotency-Key", "job-1")];
    let body = json!({"devices": [device(json!({}))]});
    let rejected = api.send_with("POST", "/devices?dry_run=true", &headers, &body);
    rejected.assert_parameter_rejected("dry_run", "unknown_field", "POST");
    assert_eq!(api.database.count("devices"), 0);
    assert_eq!(api.database.count("idempotency_keys"), 0);
    assert_eq!(
        api.send_with("POST", "/devices", &headers, &body).status,
        201
    );
    // A stored response is not replayed for a mistyped request either.
    let rejected = api.send_with("POST", "/devices?dry_run=true", &headers, &body);
    rejected.assert_parameter_rejected("dry_run", "unknown_field", "replay");
}

#[test]
fn all_unknown_parameters_are_reported() {
    let api = Api::start();
    let batch = json!({"devices": [device(json!({}))]});
    let response = api.send("POST", "/devices?b=1&a=1&b=2&on_conflct=update", &batch);
    assert_eq!(response.status, 400, "{}", response.text);
    let unknown = |name: &str| (Value::Null, name.to_owned(), "unknown_field".to_owned());
    assert_eq!(response.reasons(), ["a", "b", "on_conflct"].map(unknown));
    // The report lists at most 1,000 errors, and counts all.
    let many: String = (0..5_000).map(|number| format!("p{number}&")).collect();
    for (method, path) in [("GET", "/devices"), ("DELETE", "/devices/1")] {
        let response = api.call(method, &format!("{path}?{many}"));
        assert_eq!(response.status, 400, "{method}");
        let body = response.json();
        assert_eq!(body["errors_total"], 5_000, "{method}");
        assert_eq!(body["errors"].as_array().unwrap().len(), 1_000, "{method}");
    }
}

#[test]
fn parameters_are_checked_before_body_is_read() {
    let api = Api::start();
    for path in [
        "/devices?dry_run=true",
        "/devices?nulls=clear",
        "/devices/validate?atomic=no",
        "/devices/import?atomic=false",
        "/devices/import/validate?atomic=false",
        "/batches/1/undo?include_changed=yes",
    ] {
        let mut socket = TcpStream::connect(api.server.address()).unwrap();
        let timeout = Some(Duration::from_secs(30));
        socket.set_read_timeout(timeout).unwrap();
        write!(
            socket,
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n",
            api.key
        )
        .unwrap();
        let mut status_line = [0; 12];
        socket.read_exact(&mut status_line).unwrap();
        assert_eq!(&status_line, b"HTTP/1.1 400", "{path}");
    }
}

#[test]
fn misspelled_parameters_are_suggested() {
    let api = Api::start();
    let batch = json!({"devices": [device(json!({}))]});
    for (method, path, meant) in [
        ("POST", "/devices?on_conflct=update", "on_conflict"),
        ("POST", "/devices?onConflict=update", "on_conflict"),
        ("POST", "/devices?atomicc=false", "atomic"),
        ("POST", "/devices/validate?null=clear", "nulls"),
        ("POST", "/devices/validate?mtch=asset_tag", "match"),
        ("GET", "/devices?batchid=17", "batch_id"),
        ("GET", "/devices/export?batch_ids=17", "batch_id"),
        ("GET", "/batches?keyid=1", "key_id"),
        (
            "GET",
            "/batches/1/undo?include_change=true",
            "include_changed",
        ),
        (
            "POST",
            "/batches/1/undo?includechanged=true",
            "include_changed",
        ),
        ("GET", "/events?types=device.created", "type"),
    ] {
        let response = if path.starts_with("/devices") && method == "POST" {
            api.send(method, path, &batch)
        } else {
            api.call(method, path)
        };
        let name = path.split(['?', '=']).nth(1).unwrap();
        response.assert_parameter_rejected(name, "unknown_field", path);
        let suggested = &response.json()["errors"][0]["did_you_mean"];
        assert_eq!(suggested, meant, "{path}");
    }
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn head_rejects_unknown_parameters() {
    let api = Api::start();
    let id = api.create_device(json!({}));
    for path in [
        format!("/devices/{id}"),
        "/devices".to_owned(),
        "/users".to_owned(),
    ] {
        assert_eq!(api.call("HEAD", &path).status, 200, "{path}");
        let response = api.call("HEAD", &format!("{path}?colour=red"));
        assert_eq!(
            (response.status, response.text.as_str()),
            (400, ""),
            "{path}"
        );
    }
}

#[test]
fn public_routes_ignore_parameters() {
    let api = Api::start();
    for path in [
        "/livez",
        "/readyz",
        "/openapi.json",
        "/openapi.yaml",
        "/docs/",
    ] {
        let response = api.get_without_key(&format!("{path}?verbose=1&verbose=1"));
        assert_eq!(response.status, 200, "{path}: {}", response.text);
    }
}

#[test]
fn unknown_paths_and_methods_take_precedence() {
    let api = Api::start();
    let missing = api.call("GET", "/device?limt=1");
    missing.assert_error(404, "NOT_FOUND");
    let wrong = api.call("PUT", "/devices?limt=1");
    wrong.assert_error(405, "METHOD_NOT_ALLOWED");
}
