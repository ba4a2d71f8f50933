//! Clients and servers that stop.

use std::io::{Read, Write};

use devices_tests::{Api, ServerOptions, device};
use serde_json::json;

#[test]
fn a_client_that_goes_away_leaves_a_whole_batch_and_one_log_line() {
    let api = Api::start();
    let blocker = api.database.lock("device_events");
    let rows = [("serial_number", "SN1"), ("serial_number", "SN2")]
        .map(|(name, value)| device(json!({name: value})));
    let body = json!({"devices": rows}).to_string();
    let length = format!("Content-Length: {}", body.len());
    let mut socket = api.begin_post(&["X-Request-Id: gone", "Expect: 100-continue", &length]);
    socket.write_all(body.as_bytes()).unwrap();
    api.database.wait_until_one_is_blocked();
    // What was not read turns the end of the connection into a reset.
    drop(socket);
    assert_eq!(api.server.log_of("gone")["status"], 499);
    drop(blocker);
    let answer = api.post(&json!([device(json!({"serial_number": "SN2"}))]));
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(api.database.count("devices"), 2);
    let lines = api.server.log();
    assert_eq!(lines.iter().filter(|line| line.contains("gone")).count(), 1);
}

#[test]
fn a_request_under_way_is_carried_to_its_end_when_the_server_is_told_to_stop() {
    for signal in ["TERM", "INT"] {
        let mut api = Api::start();
        let body = json!({"devices": [device(json!({}))]}).to_string();
        let (start, rest) = body.split_at(10);
        let length = format!("Content-Length: {}", body.len());
        let mut socket = api.begin_post(&["Expect: 100-continue", &length]);
        // The server asks for the body once it has begun with the request.
        let mut asked = [0; 25];
        socket.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        socket.write_all(start.as_bytes()).unwrap();
        api.server.signal(signal);
        socket.write_all(rest.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(api.server.wait().success());
        assert_eq!(api.database.count("devices"), 1);
    }
}

#[test]
fn a_second_signal_does_not_wait_for_requests_under_way() {
    let hour = "3600";
    let options = ServerOptions::with("DEVICES__LIMITS__BODY_SECONDS", hour)
        .and("DEVICES__SERVER__SHUTDOWN_SECONDS", hour);
    let mut api = Api::start_with(&options);
    let mut socket = api.begin_post(&["Expect: 100-continue", "Content-Length: 500"]);
    let mut asked = [0; 25];
    socket.read_exact(&mut asked).unwrap();
    api.server.signal("TERM");
    api.server.log_line(|line| line.contains("stopping"));
    api.server.signal("TERM");
    assert_eq!(api.server.wait().code(), Some(1));
}

#[test]
fn a_server_that_is_told_to_stop_says_so_first_and_works_on_until_proxies_have_noticed() {
    let options = ServerOptions::with("DEVICES__SERVER__DRAIN_SECONDS", 600);
    let mut api = Api::start_with(&options);
    assert_eq!(
        api.post(&json!([device(json!({}))])).header("connection"),
        ""
    );
    api.server.signal("TERM");
    api.server.log_line(|line| line.contains("stopping"));
    let answer = api.get("/readyz");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert_eq!(api.get("/livez").status, 200);
    let answer = api.post(&json!([device(json!({}))]));
    // Whoever keeps connections open is sent to another server.
    assert_eq!((answer.status, answer.header("connection")), (201, "close"));
    api.server.signal("TERM");
    assert_eq!(api.server.wait().code(), Some(1));
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_batch_stores_nothing_of_it() {
    let api = Api::start();
    let blocker = api.database.lock("devices_mdm");
    let rows: Vec<_> = (0..100)
        .map(|row| device(json!({"serial_number": format!("SN{row}")})))
        .collect();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let request = api.request("POST", "/devices").bearer_auth(&api.key);
            request.json(&json!({"devices": rows})).send().is_err()
        });
        // The rows are written, and the enrolments are waited for.
        api.database.wait_until_one_is_blocked();
        api.server.signal("KILL");
        assert!(sent.join().unwrap());
    });
    drop(blocker);
    assert_eq!(api.database.count("devices"), 0);
}
