//! Probes, request ids, and paths and methods that do not exist.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{Api, send};
use serde_json::json;

#[test]
fn running_server_passes_probes() {
    let api = Api::start();
    assert_eq!(api.get_without_key("/livez").status, 200);
    assert_eq!(api.get_without_key("/readyz").status, 200);
}

#[test]
fn head_returns_headers_of_get() {
    let api = Api::start();
    for path in [
        "/",
        "/livez",
        "/readyz",
        "/openapi.json",
        "/openapi.yaml",
        "/docs/",
    ] {
        let (get, head) = (api.get_without_key(path), send(api.request("HEAD", path)));
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"));
    }
}

#[test]
fn valid_request_id_of_client_is_kept() {
    let api = Api::start();
    let get = |id: &str| send(api.request("GET", "/livez").header("X-Request-Id", id));
    assert_eq!(get("job-17_a.2").header("x-request-id"), "job-17_a.2");
    let entry = api.server.access_log_entry("job-17_a.2");
    assert_ne!(entry["request_id"], "job-17_a.2");
    for invalid in ["a b", "\"", "a/b", &"x".repeat(129), &api.key] {
        let response = get(invalid);
        let id = response.header("x-request-id");
        assert!(!id.is_empty() && id != invalid);
        assert_eq!(api.server.access_log_entry(id)["request_id"], id);
    }
    let twice = api.request("GET", "/livez").header("X-Request-Id", "a");
    let id = send(twice.header("X-Request-Id", "b"))
        .header("x-request-id")
        .to_owned();
    assert!(!["a", "b"].contains(&id.as_str()));
}

#[test]
fn unknown_paths_and_methods_are_rejected() {
    let api = Api::start();
    for path in [
        "/device",
        "/devices/",
        "/platform/v1",
        "/platform/v1/device",
        "/docs/none.js",
        "/platform/v2/devices",
        "/%00",
    ] {
        let response = api.get_without_key(path);
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(response.json(), json!({"error": "NOT_FOUND"}), "{path}");
        assert!(!response.header("x-request-id").is_empty());
    }
    for path in ["/devices", "/platform/v1/devices"] {
        for method in ["PUT", "DELETE", "TRACE"] {
            let response = send(api.request(method, path));
            assert_eq!(response.status, 405, "{method} {path}");
            assert_eq!(response.header("allow"), "GET, HEAD, POST");
            assert_eq!(response.json(), json!({"error": "METHOD_NOT_ALLOWED"}));
        }
    }
    let response = send(api.request("POST", "/livez"));
    assert_eq!(
        (response.status, response.header("allow")),
        (405, "GET, HEAD")
    );
}

#[test]
fn asterisk_target_returns_404() {
    let api = Api::start();
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = "OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Request-Id: star\r\nConnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    assert!(response.contains("x-request-id: star"), "{response}");
    assert!(response.ends_with(r#"{"error":"NOT_FOUND"}"#), "{response}");
    assert_eq!(api.server.access_log_entry("star")["status"], 404);
}
