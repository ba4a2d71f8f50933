//! Connections whose clients are slow, silent or many.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use devices_tests::{Api, ServerOptions, TIMEOUT, device};
use serde_json::json;

use super::one_device;

/// Longer than any test takes, in seconds.
const NEVER: u32 = 3_600;

const PROBE: &str = "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n";

fn api(settings: &[(&'static str, u32)]) -> Api {
    let options = settings
        .iter()
        .fold(ServerOptions::default(), |options, (name, value)| {
            options.and(name, value)
        });
    Api::start_with(&options)
}

fn connect(api: &Api) -> TcpStream {
    let socket = TcpStream::connect(api.server.address()).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    socket
}

/// Reads one response to a probe.
fn read_probe(socket: &mut TcpStream) {
    let mut response = Vec::new();
    while !response.ends_with(br#"{"status":"ok"}"#) {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        response.extend(byte);
    }
}

/// Returns what the server sends until it closes the connection.
fn read_rest(socket: &mut TcpStream) -> String {
    let mut rest = String::new();
    socket.read_to_string(&mut rest).unwrap();
    rest
}

fn closed_connections(api: &Api, reason: &str) -> u32 {
    let name = format!("devices_connections_closed_total{{listener=\"api\",reason=\"{reason}\"}} ");
    let metrics = api.server.metrics();
    let count = metrics.lines().find_map(|line| line.strip_prefix(&name));
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn stalled_later_head_returns_408() {
    let api = api(&[
        ("DEVICES__SERVER__HEAD_TIMEOUT_SECONDS", 1),
        ("DEVICES__SERVER__KEEP_ALIVE_SECONDS", NEVER),
    ]);
    let mut socket = connect(&api);
    for _ in 0..2 {
        socket.write_all(PROBE.as_bytes()).unwrap();
        read_probe(&mut socket);
    }
    let mut writer = socket.try_clone().unwrap();
    let upload = std::thread::spawn(move || {
        writer
            .write_all(b"GET /livez HTTP/1.1\r\nX-Slow: ")
            .unwrap();
        while writer.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut response = [0; 13];
    socket.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 408 ");
    drop(socket.shutdown(std::net::Shutdown::Both));
    upload.join().unwrap();
    assert_eq!(closed_connections(&api, "head_timeout"), 1);
}

#[test]
fn stalled_first_head_returns_408() {
    let api = api(&[("DEVICES__SERVER__HEAD_TIMEOUT_SECONDS", 1)]);
    for sent in ["", "GET /livez HTTP/1.1\r\n"] {
        let mut socket = connect(&api);
        socket.write_all(sent.as_bytes()).unwrap();
        let response = read_rest(&mut socket);
        assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
        assert!(
            response.ends_with(r#"{"error":"REQUEST_TIMEOUT"}"#),
            "{response}"
        );
    }
}

#[test]
fn idle_connection_is_closed_silently() {
    let api = api(&[("DEVICES__SERVER__KEEP_ALIVE_SECONDS", 1)]);
    let mut socket = connect(&api);
    socket.write_all(PROBE.as_bytes()).unwrap();
    read_probe(&mut socket);
    assert_eq!(read_rest(&mut socket), "");
    assert_eq!(closed_connections(&api, "idle"), 1);
}

#[test]
fn kept_connection_outlives_head_timeout() {
    let api = api(&[("DEVICES__SERVER__HEAD_TIMEOUT_SECONDS", 1)]);
    let mut socket = connect(&api);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        socket.write_all(PROBE.as_bytes()).unwrap();
        read_probe(&mut socket);
    }
}

#[test]
fn long_request_outlives_connection_timeouts() {
    let api = api(&[
        ("DEVICES__SERVER__HEAD_TIMEOUT_SECONDS", 1),
        ("DEVICES__SERVER__KEEP_ALIVE_SECONDS", 1),
        ("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000),
        ("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000),
    ]);
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let request = scope.spawn(|| api.post(&one_device()));
        api.database.wait_for_blocked_statement();
        let mut idle = connect(&api);
        idle.write_all(PROBE.as_bytes()).unwrap();
        read_probe(&mut idle);
        // Ends when both timeouts have passed.
        read_rest(&mut idle);
        drop(blocker);
        assert_eq!(request.join().unwrap().status, 201);
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let api = api(&[("DEVICES__SERVER__KEEP_ALIVE_SECONDS", 1)]);
    let mut socket = connect(&api);
    let unknown = PROBE.replace("livez", "unknown");
    let partial = "GET /livez HTTP/1.1\r\n";
    let sent = format!("{PROBE}{unknown}{PROBE}{partial}");
    socket.write_all(sent.as_bytes()).unwrap();
    let responses = read_rest(&mut socket);
    let statuses: Vec<_> = responses.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 3, "{responses}");
    let second = responses.split("HTTP/1.1 ").nth(2).unwrap();
    assert!(second.starts_with("404 "), "{responses}");
}

/// Stores devices whose export is larger than all buffers between server and client, 4 MB.
fn store_large_export(api: &Api) {
    for _ in 0..4 {
        api.create_devices((0..100).map(|_| json!({"comment": "x".repeat(10_000)})));
    }
}

fn request(api: &Api, path: &str) -> TcpStream {
    let mut socket = connect(api);
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\r\n",
        api.key
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

/// Reads until the server resets the connection. Returns the number of bytes.
fn read_until_reset(mut socket: TcpStream, chunk: usize, pause: Duration) -> usize {
    let mut buffer = vec![0; chunk];
    let mut received = 0;
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => panic!("the response seems complete after {received} bytes"),
            Ok(count) => received += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                return received;
            }
        }
        std::thread::sleep(pause);
    }
}

#[test]
fn unread_export_is_reset_and_returns_its_permit() {
    let api = api(&[
        ("DEVICES__LIMITS__MAX_CONCURRENT_EXPORTS", 1),
        ("DEVICES__LIMITS__RESPONSE_STALL_SECONDS", 1),
    ]);
    store_large_export(&api);
    let socket = request(&api, "/devices/export");
    // The export holds the permit once its response arrives. Otherwise the next one could take it.
    socket.peek(&mut [0]).unwrap();
    let start = Instant::now();
    let status = || api.call("GET", "/devices/export").status;
    while status() != 503 {
        assert!(start.elapsed() < TIMEOUT, "the export never held a permit");
    }
    while status() != 200 {
        assert!(start.elapsed() < TIMEOUT, "the permit never came back");
    }
    read_until_reset(socket, 1 << 16, Duration::ZERO);
    assert_eq!(closed_connections(&api, "response_stalled"), 1);
}

#[test]
fn export_read_too_slowly_is_reset() {
    let api = api(&[
        ("DEVICES__LIMITS__RESPONSE_STALL_SECONDS", 1),
        ("DEVICES__LIMITS__RESPONSE_BYTES_PER_SECOND", 10_000_000),
    ]);
    store_large_export(&api);
    let socket = request(&api, "/devices/export");
    let received = read_until_reset(socket, 4_096, Duration::from_millis(4));
    assert!(received < 4_000_000, "{received}");
}

#[test]
fn export_read_with_pauses_is_complete() {
    let api = api(&[("DEVICES__LIMITS__RESPONSE_STALL_SECONDS", 2)]);
    store_large_export(&api);
    let mut socket = request(&api, "/devices/export");
    let mut received = 0;
    let mut tail = Vec::new();
    while !tail.ends_with(b"0\r\n\r\n") {
        let mut buffer = vec![0; 1 << 20];
        std::thread::sleep(Duration::from_millis(250));
        let count = socket.read(&mut buffer).unwrap();
        received += count;
        tail = buffer[count.saturating_sub(5)..count].to_vec();
    }
    assert!(received > 4_000_000, "{received}");
}

#[test]
fn unread_responses_take_bounded_memory() {
    let api = api(&[
        ("DEVICES__LIMITS__RESPONSE_STALL_SECONDS", NEVER),
        ("DEVICES__LIMITS__MAX_UNSENT_BYTES", 1 << 21),
    ]);
    store_large_export(&api);
    // One megabyte each, so at most two of them fit.
    let path = "/devices?limit=100";
    let unread: Vec<_> = (0..10).map(|_| request(&api, path)).collect();
    let start = Instant::now();
    while closed_connections(&api, "evicted") < 8 {
        assert!(
            start.elapsed() < TIMEOUT,
            "the responses are still in memory"
        );
    }
    // A client that reads gets its response.
    assert_eq!(api.call("GET", path).status, 200);
    drop(unread);
}

#[test]
fn full_server_closes_idle_connections() {
    let api = api(&[
        ("DEVICES__SERVER__MAX_CONNECTIONS", 16),
        ("DEVICES__SERVER__HEAD_TIMEOUT_SECONDS", NEVER),
        ("DEVICES__DATABASE__LOCK_TIMEOUT_MS", 60_000),
        ("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", 60_000),
    ]);
    let blocker = api.lock("devices");
    std::thread::scope(|scope| {
        let in_progress = scope.spawn(|| api.post(&one_device()));
        api.database.wait_for_blocked_statement();
        let mut idle: Vec<_> = (0..64).map(|_| connect(&api)).collect();
        // The client of `Api` keeps its connections, so this opens one.
        let mut new = connect(&api);
        new.write_all(PROBE.as_bytes()).unwrap();
        read_probe(&mut new);
        let mut oldest = idle.remove(0);
        // Closed without a response: a connection that is idle or waits for a head.
        assert_eq!(read_rest(&mut oldest), "");
        drop(blocker);
        assert_eq!(in_progress.join().unwrap().status, 201);
    });
    assert_ne!(closed_connections(&api, "evicted"), 0);
}

#[test]
fn full_server_closes_slow_bodies() {
    let api = api(&[
        ("DEVICES__SERVER__MAX_CONNECTIONS", 16),
        ("DEVICES__LIMITS__BODY_TIMEOUT_SECONDS", NEVER),
    ]);
    let row = device(json!({}));
    let length = format!("Content-Length: {}", row.to_string().len() + 1_000);
    let slow: Vec<_> = (0..64).map(|_| api.begin_post(&[&length])).collect();
    let mut new = connect(&api);
    new.write_all(PROBE.as_bytes()).unwrap();
    read_probe(&mut new);
    drop(slow);
}
