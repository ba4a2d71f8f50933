//! Who may call.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use devices_tests::{Answer, Api, device, run, send};
use serde_json::{Value, json};

fn assert_unauthorized(answer: &Answer, case: &str) {
    assert_eq!(answer.status, 401, "{case}: {}", answer.text);
    assert_eq!(answer.text, r#"{"error":"UNAUTHORIZED"}"#, "{case}");
    assert_eq!(answer.header("www-authenticate"), "Bearer", "{case}");
}

fn one() -> Value {
    json!([device(json!({}))])
}

#[test]
fn every_kind_of_bad_authorization_is_answered_alike() {
    let api = Api::start();
    let key = &api.key;
    let other_end = if key.ends_with('a') { "b" } else { "a" };
    let mistyped = format!("{}{other_end}", &key[..key.len() - 1]);
    let of_another_workspace = key.replacen("fdk_1_", "fdk_2_", 1);
    for header in [
        "".to_owned(),
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
        let answer = send(request.json(&json!({"devices": one()})));
        assert_unauthorized(&answer, &header);
    }
    let without = api
        .request("POST", "/devices")
        .json(&json!({"devices": one()}));
    assert_unauthorized(&send(without), "no header");
    let twice = api
        .request("POST", "/devices")
        .bearer_auth(key)
        .bearer_auth(key);
    assert_unauthorized(&send(twice.json(&json!({"devices": one()}))), "two headers");
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn the_scheme_is_read_in_any_case() {
    let api = Api::start();
    for scheme in ["bearer", "BEARER"] {
        let request = api.request("POST", "/devices");
        let request = request.header("Authorization", format!("{scheme} {}", api.key));
        assert_eq!(send(request.json(&json!({"devices": one()}))).status, 201);
    }
}

#[test]
fn a_read_key_may_not_write() {
    let api = Api::start();
    let read = api.create_key("acme", "READ");
    let answer = api.post_as(&read, &one());
    assert_eq!(answer.status, 403);
    assert_eq!(answer.text, r#"{"error":"INSUFFICIENT_SCOPE"}"#);
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn a_revoked_key_stops_working_at_once() {
    let api = Api::start();
    assert_eq!(api.post(&one()).status, 201);
    let revoked = run(&api.database, &["key", "revoke", "1"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_unauthorized(&api.post(&one()), "revoked");
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn an_expired_key_stops_working_at_once() {
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
    let lasting = [create.as_slice(), &["--name", "x", "--expires-in", "30d"]].concat();
    let key = run(&api.database, &lasting).json();
    let secret = key["secret"].as_str().unwrap();
    assert_eq!(api.post_as(secret, &one()).status, 201);
    api.database
        .execute("UPDATE api_keys SET expires_at = now()");
    assert_unauthorized(&api.post_as(secret, &one()), "expired");
}

#[test]
fn a_key_opens_its_own_workspace_only() {
    let api = Api::start();
    let globex = api.create_workspace("globex");
    let key = api.create_key("globex", "WRITE");
    assert_eq!(api.post_as(&key, &one()).status, 201);
    let of = api.database.texts("SELECT workspace_id FROM devices");
    assert_eq!(of, [globex.to_string()]);
}

#[test]
fn the_key_is_judged_before_the_body_is_read() {
    let api = Api::start();
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    write!(
        socket,
        "POST /devices HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\
         Content-Length: 1000000\r\n\r\n"
    )
    .unwrap();
    let mut start = [0; 12];
    socket.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 401");
}

#[test]
fn no_secret_is_stored_or_logged() {
    let api = Api::start();
    let answer = api.post(&one());
    api.server.log_of(answer.header("x-request-id"));
    // The log is as talkative as can be.
    assert!(
        api.server
            .log()
            .iter()
            .any(|line| line.contains(r#""statement":"COPY"#)
                || line.contains(r#""statement":"INSERT INTO"#))
    );
    let stored = api.database.texts("SELECT api_keys::text FROM api_keys");
    let secret = api.key.rsplit('_').next().unwrap();
    assert!(stored.iter().all(|row| !row.contains(secret)));
    assert!(api.server.log().iter().all(|line| !line.contains(secret)));
}
