//! Keys that may not manage keys.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use devices_tests::Response;
use serde_json::json;

use super::{ADMIN_ID, Keys, data};

const OPERATIONS: [(&str, &str); 4] = [
    ("GET", "/keys"),
    ("POST", "/keys"),
    ("POST", "/keys/1/rotate"),
    ("DELETE", "/keys/1"),
];

#[test]
fn other_scopes_manage_no_keys() {
    let keys = Keys::start();
    let read = keys.api.create_key("acme", "READ");
    for secret in [&read, &keys.api.key] {
        for prefix in ["", "/platform/v1"] {
            for (method, path) in OPERATIONS {
                let path = format!("{prefix}{path}");
                let response = keys.api.call_as(secret, method, &path);
                response.assert_error(403, "INSUFFICIENT_SCOPE");
            }
        }
    }
    let unchanged = "revoked_at IS NULL AND retires_at IS NULL";
    let query = format!("SELECT count(*) FROM api_keys WHERE {unchanged}");
    assert_eq!(keys.api.database.texts(&query), ["3"]);
}

#[test]
fn admin_key_has_all_other_permissions() {
    let keys = Keys::start();
    let response = keys.send("POST", "/users", &json!({"email": "ada@example.com"}));
    assert_eq!(response.status, 201, "{}", response.text);
    assert_eq!(keys.call("GET", "/users").status, 200);
}

#[test]
fn scope_is_checked_before_body_is_read() {
    let keys = Keys::start();
    for path in ["/keys", "/keys/1/rotate"] {
        let mut socket = TcpStream::connect(keys.api.server.address()).unwrap();
        let timeout = Some(Duration::from_secs(30));
        socket.set_read_timeout(timeout).unwrap();
        write!(
            socket,
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n",
            keys.api.key
        )
        .unwrap();
        let mut status_line = [0; 12];
        socket.read_exact(&mut status_line).unwrap();
        assert_eq!(&status_line, b"HTTP/1.1 403", "{path}");
    }
}

#[test]
fn foreign_key_equals_an_unknown_one() {
    let keys = Keys::start();
    keys.api.create_workspace("globex");
    let globex = keys.api.create_key("globex", "ADMIN");
    let unknown = |method: &str, suffix: &str| {
        let paths = [ADMIN_ID, 4711].map(|id| format!("/keys/{id}{suffix}"));
        let responses = paths.map(|path| keys.api.call_as(&globex, method, &path));
        for response in &responses {
            response.assert_error(404, "KEY_NOT_FOUND");
        }
        let [foreign, unknown] = responses.map(|response: Response| response.comparable());
        assert_eq!(foreign, unknown);
    };
    unknown("POST", "/rotate");
    unknown("DELETE", "");
    let listed = data(&keys.api.call_as(&globex, "GET", "/keys"), 200);
    let ids: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["id"])
        .collect();
    assert_eq!(ids, [&json!(3)]);
    assert_eq!(
        data(&keys.call("GET", "/keys"), 200)
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn malformed_ids_are_rejected() {
    let keys = Keys::start();
    for id in ["0", "042", "-1", "1.0", "x"] {
        for (method, suffix) in [("POST", "/rotate"), ("DELETE", "")] {
            let path = format!("/keys/{id}{suffix}");
            let response = keys.call(method, &path);
            response.assert_parameter_rejected("key_id", "malformed", &path);
        }
    }
}

#[test]
fn unsupported_methods_are_named() {
    let keys = Keys::start();
    for (path, allowed) in [
        ("/keys", "GET, HEAD, POST"),
        ("/keys/1", "DELETE"),
        ("/keys/1/rotate", "POST"),
    ] {
        let response = keys.call("PUT", path);
        response.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(response.header("allow"), allowed, "{path}");
    }
}
