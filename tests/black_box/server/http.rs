//! Probes, request ids, and paths and methods that do not exist.

use std::io::{Read, Write};
use std::net::TcpStream;

use devices_tests::{Api, ServerOptions, send};
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
fn every_response_has_security_headers() {
    let api = Api::start();
    let key = api.key.as_str();
    let responses = [
        ("GET", "/", "", 200),
        ("GET", "/livez", "", 200),
        ("GET", "/openapi.json", "", 200),
        ("GET", "/docs/page.js", "", 200),
        ("GET", "/devices", key, 200),
        ("GET", "/devices/export", key, 200),
        ("GET", "/devices?limit=0", key, 400),
        ("GET", "/devices", "none", 401),
        ("GET", "/devices/1", key, 404),
        ("GET", "/none", "", 404),
        ("PUT", "/livez", "", 405),
        ("POST", "/devices", key, 415),
    ];
    for (method, path, key, status) in responses {
        let response = send(api.request(method, path).bearer_auth(key));
        assert_eq!(response.status, status, "{method} {path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(response.header(name), value, "{method} {path}");
        }
    }
}

#[test]
fn docs_page_may_run_its_scripts_only() {
    let api = Api::start();
    let page = api.get_without_key("/docs/");
    let policy = page.header("content-security-policy");
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|part| part == directive), "{policy}");
    }
    // Scripts in the page itself would be blocked.
    assert!(!page.text.contains("<style") && !page.text.contains("<script>"));
    assert!(page.text.contains(r#"persist-auth="false""#));
}

#[test]
fn docs_page_can_be_disabled() {
    let options = ServerOptions::with("DEVICES__SERVER__DOCS_ENABLED", false)
        .and("DEVICES__WEB__ENABLED", false);
    let api = Api::start_with(&options);
    for path in ["/docs", "/docs/", "/docs/page.js"] {
        assert_eq!(api.get_without_key(path).status, 404, "{path}");
    }
    assert_eq!(api.get_without_key("/openapi.json").status, 200);
    let root = send(api.request("GET", "/").header("Accept", "text/html"));
    assert_eq!(root.status, 200);
    assert_eq!(root.json()["links"]["docs"], json!(null));
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
