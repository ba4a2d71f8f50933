//! Probes, request ids, and paths and methods that do not exist.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{Api, send};
use serde_json::json;

#[test]
fn the_probes_answer() {
    let api = Api::start();
    assert_eq!(api.get("/livez").status, 200);
    assert_eq!(api.get("/readyz").status, 200);
}

#[test]
fn what_can_be_read_can_be_asked_for_its_headers_alone() {
    let api = Api::start();
    for path in [
        "/livez",
        "/readyz",
        "/openapi.json",
        "/openapi.yaml",
        "/docs/",
    ] {
        let (get, head) = (api.get(path), send(api.request("HEAD", path)));
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"));
    }
}

#[test]
fn a_request_keeps_the_id_that_its_client_gave_it_if_it_is_fit_to_be_logged() {
    let api = Api::start();
    let ask = |id: &str| send(api.request("GET", "/livez").header("X-Request-Id", id));
    assert_eq!(ask("job-17_a.2").header("x-request-id"), "job-17_a.2");
    for unfit in ["a b", "\"", &"x".repeat(129)] {
        let given = ask(unfit);
        let id = given.header("x-request-id");
        assert!(!id.is_empty() && id != unfit);
    }
}

#[test]
fn paths_and_methods_that_are_not_there() {
    let api = Api::start();
    for path in [
        "/",
        "/device",
        "/devices/",
        "/platform/v1",
        "/platform/v1/device",
        "/docs/none.js",
        "/platform/v2/devices",
        "/%00",
    ] {
        let answer = api.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json(), json!({"error": "NOT_FOUND"}), "{path}");
        assert!(!answer.header("x-request-id").is_empty());
    }
    for path in ["/devices", "/platform/v1/devices"] {
        for method in ["PUT", "DELETE", "TRACE"] {
            let answer = send(api.request(method, path));
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET, HEAD, POST");
            assert_eq!(answer.json(), json!({"error": "METHOD_NOT_ALLOWED"}));
        }
    }
    let answer = send(api.request("POST", "/livez"));
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
}

#[test]
fn a_request_for_no_path_at_all_is_answered_like_one_for_an_unknown_path() {
    let api = Api::start();
    let mut socket = TcpStream::connect(api.server.address()).unwrap();
    let head = "OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Request-Id: star\r\nConnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains("x-request-id: star"), "{answer}");
    assert!(answer.ends_with(r#"{"error":"NOT_FOUND"}"#), "{answer}");
    assert_eq!(api.server.log_of("star")["status"], 404);
}
