//! Bodies that are rejected because of their size, type or transfer.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{ServerOptions, device, send};
use serde_json::json;

use super::{api_with, api_with_a_device, assert_refused};

#[test]
fn a_body_over_the_limit_announced_or_not() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let body = json!({"devices": [device(json!({"comment": "x".repeat(9_950)}))]}).to_string();
    let announced = api.post_text(body.clone());
    assert_refused(&api, &announced, 413, "with Content-Length");
    assert_eq!(announced.json(), json!({"error": "PAYLOAD_TOO_LARGE"}));

    // A reader of unknown length is sent in chunks.
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(body));
    let answer = api.post_text(chunked);
    assert_refused(&api, &answer, 413, "in chunks");
}

#[test]
fn a_body_far_over_the_limit_is_answered_and_not_read() {
    let api = api_with_a_device();
    let mut socket = api.begin_post(&["Content-Length: 99999999999"]);
    assert!(read_answer(&mut socket).starts_with("HTTP/1.1 413 "));
}

#[test]
fn content_types_and_encodings_that_are_not_plain_json() {
    let api = api_with_a_device();
    let body = json!({"devices": [device(json!({}))]}).to_string();
    for content_type in [
        "text/plain",
        "application/xml",
        "application/jsonx",
        "multipart/form-data",
        "",
    ] {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let answer = send(
            request
                .header("Content-Type", content_type)
                .body(body.clone()),
        );
        assert_refused(&api, &answer, 415, content_type);
        assert_eq!(answer.json(), json!({"error": "UNSUPPORTED_MEDIA_TYPE"}));
    }
    let without = api.request("POST", "/devices").bearer_auth(&api.key);
    assert_refused(
        &api,
        &send(without.body(body.clone())),
        415,
        "no content type",
    );
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("Content-Type", "application/json");
    let answer = send(
        request
            .header("Content-Encoding", "gzip")
            .body(body.clone()),
    );
    assert_refused(&api, &answer, 415, "gzip");
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("Content-Type", "application/json");
    let answer = send(request.header("Content-Type", "text/plain").body(body));
    assert_refused(&api, &answer, 415, "two content types");
}

#[test]
fn a_body_that_stalls_is_answered_in_time() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_SECONDS", 1));
    let mut socket = api.begin_post(&["Content-Length: 500"]);
    socket.write_all(b"{\"devices\":[").unwrap();
    let answer = read_answer(&mut socket);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.ends_with("{\"error\":\"REQUEST_TIMEOUT\"}"),
        "{answer}"
    );
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn a_body_in_chunks_that_stalls_is_answered_and_the_connection_closed() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_SECONDS", 1));
    let mut socket = api.begin_post(&["Transfer-Encoding: chunked"]);
    socket.write_all(b"b\r\n{\"devices\":").unwrap();
    let answer = read_answer(&mut socket);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[test]
fn a_body_in_chunks_that_never_ends_is_not_read_for_ever_with_a_key_or_without() {
    let api = api_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4_096));
    for line in ["X-Nothing: at all", "Authorization: a second one is a 401"] {
        let mut socket = api.begin_post(&["Transfer-Encoding: chunked", line]);
        // 4 GB, if the server took them all.
        let taken = (0..1_000_000)
            .take_while(|_| socket.write_all(chunk.as_bytes()).is_ok())
            .count();
        assert!(taken < 1_000_000, "{line}");
    }
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing() {
    let api = api_with_a_device();
    let mut socket = api.begin_post(&["Content-Length: 500"]);
    socket.write_all(b"{\"devices\":[").unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    drop(socket);
    assert_eq!(api.post(&json!([])).status, 400);
    assert_eq!(api.database.count("devices"), 1);
}

/// Everything until the server closes the connection.
fn read_answer(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}
