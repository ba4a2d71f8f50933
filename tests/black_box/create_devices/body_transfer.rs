//! Bodies that are rejected for their size, their type, or the way they are sent.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{ServerOptions, device, send};
use serde_json::json;

use super::{api_with_one_device, api_with_one_device_and_options, assert_rejected};

#[test]
fn body_over_limit_returns_413() {
    let api = api_with_one_device_and_options(&ServerOptions::with(
        "DEVICES__LIMITS__BODY_BYTES",
        10_000,
    ));
    let body = json!({"devices": [device(json!({"comment": "x".repeat(9_950)}))]}).to_string();
    let announced = api.post_text(body.clone());
    assert_rejected(&api, &announced, 413, "with Content-Length");
    announced.assert_too_large();

    // reqwest sends a reader of unknown length in chunks.
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(body));
    let response = api.post_text(chunked);
    assert_rejected(&api, &response, 413, "in chunks");
}

#[test]
fn oversized_body_is_rejected_unread() {
    let api = api_with_one_device();
    let mut socket = api.begin_post(&["Content-Length: 99999999999"]);
    assert!(read_response(&mut socket).starts_with("HTTP/1.1 413 "));
}

#[test]
fn other_content_types_return_415() {
    let api = api_with_one_device();
    let body = json!({"devices": [device(json!({}))]}).to_string();
    for content_type in [
        "text/plain",
        "application/xml",
        "application/jsonx",
        "application/merge-patch+json",
        "multipart/form-data",
        "",
    ] {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let response = send(
            request
                .header("Content-Type", content_type)
                .body(body.clone()),
        );
        assert_rejected(&api, &response, 415, content_type);
        response.assert_media_type_rejected(&["application/json"], content_type);
    }
    let untyped = api.request("POST", "/devices").bearer_auth(&api.key);
    assert_rejected(
        &api,
        &send(untyped.body(body.clone())),
        415,
        "no content type",
    );
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("Content-Type", "application/json");
    let response = send(
        request
            .header("Content-Encoding", "gzip")
            .body(body.clone()),
    );
    assert_rejected(&api, &response, 415, "gzip");
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("Content-Type", "application/json");
    let response = send(request.header("Content-Type", "text/plain").body(body));
    assert_rejected(&api, &response, 415, "two content types");
}

#[test]
fn stalled_body_returns_408() {
    let api = api_with_one_device_and_options(&ServerOptions::with(
        "DEVICES__LIMITS__BODY_TIMEOUT_SECONDS",
        1,
    ));
    let mut socket = api.begin_post(&["Content-Length: 500"]);
    socket.write_all(b"{\"devices\":[").unwrap();
    let response = read_response(&mut socket);
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(
        response.ends_with("{\"error\":\"REQUEST_TIMEOUT\"}"),
        "{response}"
    );
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn stalled_chunked_body_closes_connection() {
    let api = api_with_one_device_and_options(&ServerOptions::with(
        "DEVICES__LIMITS__BODY_TIMEOUT_SECONDS",
        1,
    ));
    let mut socket = api.begin_post(&["Transfer-Encoding: chunked"]);
    socket.write_all(b"b\r\n{\"devices\":").unwrap();
    let response = read_response(&mut socket);
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(response.contains("connection: close"), "{response}");
}

#[test]
fn endless_chunked_body_is_cut_off() {
    let api = api_with_one_device_and_options(&ServerOptions::with(
        "DEVICES__LIMITS__BODY_BYTES",
        10_000,
    ));
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4_096));
    for line in ["X-Nothing: at all", "Authorization: a second one is a 401"] {
        let mut socket = api.begin_post(&["Transfer-Encoding: chunked", line]);
        // 4 GB, if the server read all chunks.
        let sent = (0..1_000_000)
            .take_while(|_| socket.write_all(chunk.as_bytes()).is_ok())
            .count();
        assert!(sent < 1_000_000, "{line}");
    }
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn aborted_upload_stores_nothing() {
    let api = api_with_one_device();
    let mut socket = api.begin_post(&["Content-Length: 500"]);
    socket.write_all(b"{\"devices\":[").unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    drop(socket);
    assert_eq!(api.post(&json!([])).status, 400);
    assert_eq!(api.database.count("devices"), 1);
}

/// Reads until the server closes the connection.
fn read_response(socket: &mut TcpStream) -> String {
    let mut response = Vec::new();
    socket.read_to_end(&mut response).unwrap();
    String::from_utf8(response).unwrap()
}
