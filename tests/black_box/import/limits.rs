//! Limits of imports.

use std::io::Write;
use std::net::TcpStream;

use devices_tests::{Api, Form, ServerOptions};

use super::{import, valid_rows};

#[test]
fn file_with_too_many_rows_is_rejected() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", 3);
    let api = Api::start_with(&options);
    assert_eq!(import(&api, valid_rows(3)).status, 201);
    let response = import(&api, valid_rows(4));
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(response.json()["reason"], "too_many_rows");
}

#[test]
fn import_may_exceed_the_limits_of_batches() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_DEVICES_PER_BATCH", 1)
        .and("DEVICES__LIMITS__BODY_BYTES", 1_024);
    let api = Api::start_with(&options);
    let response = import(&api, valid_rows(500));
    assert_eq!(response.status, 201, "{}", response.text);
    assert_eq!(response.json()["data"]["batch"]["created"], 500);
}

#[test]
fn import_over_the_concurrency_limit_is_rejected() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_CONCURRENT_IMPORTS", 1)
        .and("DEVICES__LIMITS__LARGE_BODY_WAIT_MS", 100);
    let api = Api::start_with(&options);
    let upload = begin_upload(&api, 200_000);
    let gauge = "devices_imports 1";
    while !api.server.metrics().contains(gauge) {
        std::thread::yield_now();
    }
    for path in ["/devices/import", "/devices/import/validate"] {
        let response = api.send_form(path, valid_rows(1));
        response.assert_error(503, "SERVICE_UNAVAILABLE");
        assert_eq!(response.header("retry-after"), "1");
    }
    // Other requests have their own limits.
    api.create_device(serde_json::json!({}));
    drop(upload);
    while api.server.metrics().contains(gauge) {
        std::thread::yield_now();
    }
    assert_eq!(import(&api, valid_rows(1)).status, 201);
}

/// Sends the head of a large file, and nothing else.
fn begin_upload(api: &Api, length: usize) -> TcpStream {
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = format!(
        "POST /devices/import HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {}\r\nContent-Length: {length}\r\n\r\n",
        api.key,
        Form::content_type()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket
}
