//! Clients that disconnect, and servers that stop.

use std::io::{Read, Write};

use devices_tests::{Api, ServerOptions, device};
use serde_json::json;

#[test]
fn disconnected_client_leaves_complete_batch() {
    let api = Api::start();
    let blocker = api.lock("device_events");
    let rows = [("serial_number", "SN1"), ("serial_number", "SN2")]
        .map(|(name, value)| device(json!({name: value})));
    let body = json!({"devices": rows}).to_string();
    let length = format!("Content-Length: {}", body.len());
    let mut socket = api.begin_post(&["X-Request-Id: gone", "Expect: 100-continue", &length]);
    socket.write_all(body.as_bytes()).unwrap();
    api.database.wait_for_blocked_statement();
    // The response 100 was not read, so closing the socket sends a TCP reset.
    drop(socket);
    assert_eq!(api.server.access_log_entry("gone")["status"], 499);
    drop(blocker);
    api.database
        .wait_until("EXISTS (SELECT 1 FROM devices WHERE workspace_id = 1)");
    let response = api.post(&json!([device(json!({"serial_number": "SN2"}))]));
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(api.database.count("devices"), 2);
    let lines = api.server.log_lines();
    assert_eq!(lines.iter().filter(|line| line.contains("gone")).count(), 1);
}

#[test]
fn shutdown_completes_requests_in_flight() {
    for signal in ["TERM", "INT"] {
        let mut api = Api::start();
        let body = json!({"devices": [device(json!({}))]}).to_string();
        let (first, rest) = body.split_at(10);
        let length = format!("Content-Length: {}", body.len());
        let mut socket = api.begin_post(&["Expect: 100-continue", &length]);
        // The server sends the response 100 when it begins to handle the request.
        let mut interim = [0; 25];
        socket.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        socket.write_all(first.as_bytes()).unwrap();
        api.server.signal(signal);
        socket.write_all(rest.as_bytes()).unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
        assert!(api.server.wait().success());
        assert_eq!(api.database.count("devices"), 1);
    }
}

#[test]
fn second_signal_aborts_requests_in_flight() {
    let one_hour = "3600";
    let options = ServerOptions::with("DEVICES__LIMITS__BODY_TIMEOUT_SECONDS", one_hour)
        .and("DEVICES__SERVER__SHUTDOWN_SECONDS", one_hour);
    let mut api = Api::start_with(&options);
    let mut socket = api.begin_post(&["Expect: 100-continue", "Content-Length: 500"]);
    let mut interim = [0; 25];
    socket.read_exact(&mut interim).unwrap();
    api.server.signal("TERM");
    api.server
        .wait_for_log_line(|line| line.contains("stopping"));
    api.server.signal("TERM");
    assert_eq!(api.server.wait().code(), Some(1));
}

#[test]
fn draining_server_still_serves_requests() {
    let options = ServerOptions::with("DEVICES__SERVER__DRAIN_SECONDS", 600);
    let mut api = Api::start_with(&options);
    assert_eq!(
        api.post(&json!([device(json!({}))])).header("connection"),
        ""
    );
    api.server.signal("TERM");
    api.server
        .wait_for_log_line(|line| line.contains("stopping"));
    let response = api.get_without_key("/readyz");
    assert_eq!(
        (response.status, response.header("retry-after")),
        (503, "1")
    );
    assert_eq!(api.get_without_key("/livez").status, 200);
    let response = api.post(&json!([device(json!({}))]));
    // Clients with keep-alive connections must reconnect, to another server.
    assert_eq!(
        (response.status, response.header("connection")),
        (201, "close")
    );
    api.server.signal("TERM");
    assert_eq!(api.server.wait().code(), Some(1));
}

#[test]
fn killed_server_stores_no_partial_batch() {
    let mut api = Api::start();
    let blocker = api.lock("devices_mdm");
    let rows: Vec<_> = (0..100)
        .map(|row| device(json!({"serial_number": format!("SN{row}")})))
        .collect();
    std::thread::scope(|scope| {
        let connection_lost = scope.spawn(|| {
            let request = api.request("POST", "/devices").bearer_auth(&api.key);
            request.json(&json!({"devices": rows})).send().is_err()
        });
        // The devices are inserted. The transaction waits for the lock on the enrolments.
        api.database.wait_for_blocked_statement();
        api.server.signal("KILL");
        assert!(connection_lost.join().unwrap());
    });
    // The process closes its sockets before it has exited.
    api.server.wait();
    drop(blocker);
    assert_eq!(api.database.count("devices"), 0);
}
