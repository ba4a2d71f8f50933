//! API keys: valid, invalid, revoked and expired ones, and their scopes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use devices_tests::{Api, Response, device, run, send};
use serde_json::{Value, json};

fn assert_unauthorized(response: &Response, case: &str) {
    assert_eq!(response.status, 401, "{case}: {}", response.text);
    assert_eq!(response.text, r#"{"error":"UNAUTHORIZED"}"#, "{case}");
    assert_eq!(response.header("www-authenticate"), "Bearer", "{case}");
}

/// Returns a batch of one device.
fn one_device() -> Value {
    json!([device(json!({}))])
}

#[test]
fn invalid_authorization_returns_401() {
    let api = Api::start();
    let key = &api.key;
    let other_character = if key.ends_with('a') { "b" } else { "a" };
    let mistyped = format!("{}{other_character}", &key[..key.len() - 1]);
    let of_another_workspace = key.replacen("fdk_1_", "fdk_2_", 1);
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        key.clone(),
        format!("Basic {key}"),
        format!("Token {key}"),
        format!("Bearer{key}"),
        format!("Bearer {key}x"),
        format!("Bearer {} {key}", "x"),
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {}", key.to_lowercase()),
        format!("Bearer {mistyped}"),
        format!("Bearer {of_another_workspace}"),
        format!("Bearer {}", "x".repeat(4_000)),
        "Bearer \u{e9}".to_owned(),
    ] {
        let request = api
            .request("POST", "/devices")
            .header("Authorization", header.as_bytes());
        let response = send(request.json(&json!({"devices": one_device()})));
        assert_unauthorized(&response, &header);
    }
    let without_key = api
        .request("POST", "/devices")
        .json(&json!({"devices": one_device()}));
    assert_unauthorized(&send(without_key), "no header");
    let twice = api
        .request("POST", "/devices")
        .bearer_auth(key)
        .bearer_auth(key);
    assert_unauthorized(
        &send(twice.json(&json!({"devices": one_device()}))),
        "two headers",
    );
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn auth_scheme_is_case_insensitive() {
    let api = Api::start();
    for scheme in ["bearer", "BEARER"] {
        let request = api.request("POST", "/devices");
        let request = request.header("Authorization", format!("{scheme} {}", api.key));
        assert_eq!(
            send(request.json(&json!({"devices": one_device()}))).status,
            201
        );
    }
}

#[test]
fn read_key_cannot_create_devices() {
    let api = Api::start();
    let read = api.create_key("acme", "READ");
    for path in [
        "/devices",
        "/devices?on_conflict=update&atomic=false",
        "/devices/validate",
        "/devices/validate?on_conflict=skip",
    ] {
        let response = api.send_as(&read, "POST", path, &json!({"devices": one_device()}));
        assert_eq!(response.status, 403, "{path}");
        assert_eq!(response.text, r#"{"error":"INSUFFICIENT_SCOPE"}"#, "{path}");
    }
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn revoked_key_is_rejected_at_once() {
    let api = Api::start();
    assert_eq!(api.post(&one_device()).status, 201);
    let revoked = run(&api.database, &["key", "revoke", "1"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_unauthorized(&api.post(&one_device()), "revoked");
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn expired_key_is_rejected_at_once() {
    let api = Api::start();
    let create = [
        "key",
        "create",
        "--json",
        "--workspace",
        "acme",
        "--scope",
        "WRITE",
    ];
    let arguments = [create.as_slice(), &["--name", "x", "--expires-in", "30d"]].concat();
    let key = run(&api.database, &arguments).json();
    let secret = key["secret"].as_str().unwrap();
    assert_eq!(api.post_as(secret, &one_device()).status, 201);
    api.database
        .execute("UPDATE api_keys SET expires_at = now()");
    assert_unauthorized(&api.post_as(secret, &one_device()), "expired");
}

#[test]
fn key_creates_in_its_own_workspace() {
    let api = Api::start();
    let globex = api.create_workspace("globex");
    let key = api.create_key("globex", "WRITE");
    assert_eq!(api.post_as(&key, &one_device()).status, 201);
    let workspaces = api.database.texts("SELECT workspace_id FROM devices");
    assert_eq!(workspaces, [globex.to_string()]);
}

#[test]
fn key_is_checked_before_body_is_read() {
    let api = Api::start();
    for path in [
        "/devices",
        "/devices/validate",
        "/devices/import",
        "/devices/import/validate",
        "/batches/1/undo",
    ] {
        let mut socket = TcpStream::connect(api.server.address()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        write!(
            socket,
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\
             Content-Length: 1000000\r\n\r\n"
        )
        .unwrap();
        let mut status_line = [0; 12];
        socket.read_exact(&mut status_line).unwrap();
        assert_eq!(&status_line, b"HTTP/1.1 401", "{path}");
    }
}

#[test]
fn secrets_are_neither_stored_nor_logged() {
    let api = Api::start();
    let response = api.post(&one_device());
    api.server.access_log_entry(response.header("x-request-id"));
    // The log level is `trace`: the log contains the SQL statements.
    assert!(
        api.server
            .log_lines()
            .iter()
            .any(|line| line.contains("INSERT INTO devices"))
    );
    let stored = api.database.texts("SELECT api_keys::text FROM api_keys");
    let secret = api.key.rsplit('_').next().unwrap();
    assert!(stored.iter().all(|row| !row.contains(secret)));
    assert!(
        api.server
            .log_lines()
            .iter()
            .all(|line| !line.contains(secret))
    );
}
