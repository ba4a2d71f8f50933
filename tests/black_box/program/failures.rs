//! Servers that are not reachable, not the right ones, or fail.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use devices_tests::{Api, Program};
use serde_json::Value;

/// A server that sends prepared responses, then an empty list of devices.
struct FakeServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    /// Each response is what follows `HTTP/1.1 `. An empty one closes the connection.
    fn start(responses: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
        };
        let mut responses: VecDeque<_> = responses.iter().map(ToString::to_string).collect();
        let requests = Arc::clone(&server.requests);
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client: TcpStream = client.unwrap();
                requests.lock().unwrap().push(read_head(&client));
                let response = responses.pop_front();
                let response = response.unwrap_or_else(|| {
                    let body = r#"{"data":[],"meta":{"total":0,"limit":50,"offset":0}}"#;
                    format!("200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                });
                if !response.is_empty() {
                    let response = format!("HTTP/1.1 {response}");
                    client.write_all(response.as_bytes()).unwrap();
                }
            }
        });
        server
    }

    fn program(&self) -> Program {
        Program::with_server(&self.url, "fdk_secret")
    }

    fn count_requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// Reads the request line and the headers.
fn read_head(client: &TcpStream) -> String {
    let lines = BufReader::new(client).lines().map(Result::unwrap);
    let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    head.join("\n")
}

#[test]
fn unreachable_server_has_a_status_of_its_own() {
    let program = Program::with_server("http://127.0.0.1:1", "fdk_k");
    let error = program.run_err(3, &["list"]);
    let expected = "devices: no response from http://127.0.0.1:1: the connection was refused";
    assert_eq!(error.lines().last(), Some(expected));
    let output = program.run(&["list", "--json"]);
    let last: Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert!(
        last["error"].as_str().unwrap().contains("refused"),
        "{last}"
    );
}

#[test]
fn wrong_key_is_reported_with_the_request_id() {
    let api = Api::start();
    let program = Program::with_server(&api.server.url(""), "fdk_wrongwrongwrong");
    let error = program.run_err(1, &["list"]);
    assert!(error.contains("does not accept the key"), "{error}");
    assert!(error.contains("Run `devices login URL`"), "{error}");
    assert!(!error.contains("wrongwrong"), "{error}");
    let output = program.run(&["list", "--json"]);
    let error: Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!(
        (&error["status"], &error["code"]),
        (&401.into(), &"UNAUTHORIZED".into())
    );
    assert!(error["request_id"].is_string(), "{error}");
}

#[test]
fn transient_failures_are_retried() {
    let unavailable = "503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let cut = "200 OK\r\nContent-Length: 9999\r\n\r\n{\"data\"";
    let server = FakeServer::start(&[unavailable, "", cut]);
    let output = server.program().run(&["list"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(server.count_requests(), 4);
    let lines: Vec<_> = output.stderr.lines().collect();
    assert!(lines[0].contains("retrying in 1.0 s"), "{output:?}");
    assert!(lines[1].contains("the connection was lost"), "{output:?}");
}

#[test]
fn unavailable_server_is_like_an_unreachable_one() {
    for status in [
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ] {
        // Longer than the program waits.
        let head = format!("{status}\r\nRetry-After: 9999\r\nContent-Length: 0\r\n\r\n");
        let server = FakeServer::start(&[&head]);
        server.program().run_err(3, &["list"]);
    }
    let server = FakeServer::start(&["500 Error\r\nContent-Length: 0\r\n\r\n"]);
    server.program().run_err(1, &["list"]);
}

#[test]
fn invalid_proxy_is_a_usage_error() {
    let server = FakeServer::start(&[]);
    let program = server.program().env("HTTP_PROXY", "gopher://secret:1");
    let error = program.run_err(2, &["list"]);
    assert!(error.contains("HTTP_PROXY"), "{error}");
    assert!(!error.contains("secret"), "{error}");
    assert_eq!(server.count_requests(), 0);
}

#[test]
fn undo_is_not_retried() {
    let server = FakeServer::start(&[""]);
    let error = server.program().run_err(3, &["undo", "17", "--yes"]);
    assert!(error.contains("may have carried out"), "{error}");
    assert_eq!(server.count_requests(), 1);
}

#[test]
fn redirect_is_an_error() {
    let redirect = "301 Moved\r\nLocation: https://elsewhere/devices\r\nContent-Length: 0\r\n\r\n";
    let server = FakeServer::start(&[redirect]);
    let error = server.program().run_err(1, &["list"]);
    assert!(
        error.contains("redirects to https://elsewhere/devices"),
        "{error}"
    );
}

#[test]
fn other_server_is_recognised() {
    for response in [
        "200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        "200 OK\r\nContent-Length: 2\r\n\r\n[]",
        "204 No Content\r\n\r\n",
    ] {
        let server = FakeServer::start(&[response]);
        let error = server.program().run_err(1, &["list"]);
        assert!(error.contains("not one of a device registry"), "{error}");
    }
    let server = FakeServer::start(&["404 Not Found\r\nContent-Length: 4\r\n\r\n<a/>"]);
    let error = server.program().run_err(1, &["list"]);
    assert!(error.contains("status 404"), "{error}");
}

#[test]
fn proxy_of_the_environment_is_used() {
    let proxy = FakeServer::start(&["403 Forbidden\r\nContent-Length: 0\r\n\r\n"]);
    let program = Program::with_server("http://devices.invalid:8080", "fdk_secret");
    let program = program.env("HTTP_PROXY", &proxy.url);
    let error = program.run_err(3, &["list"]);
    assert!(error.contains("the proxy does not connect"), "{error}");
    let requests = proxy.requests.lock().unwrap().clone();
    assert!(
        requests[0].starts_with("CONNECT devices.invalid:8080"),
        "{error} {requests:?}"
    );
    assert!(!requests[0].contains("fdk_secret"), "{requests:?}");
    let api = Api::start();
    let program = Program::of(&api)
        .env("ALL_PROXY", &proxy.url)
        .env("NO_PROXY", "127.0.0.1");
    program.run_ok(&["list"]);
}
