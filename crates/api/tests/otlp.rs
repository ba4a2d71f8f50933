//! Export of traces to a collector.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use devices_tests::{ServerProcess, TestDatabase, device, set_up_workspace_with};
use serde_json::json;

/// The binary with the feature `otlp`. Other test support builds it without.
const EXECUTABLE: &str = env!("CARGO_BIN_EXE_devices-api");

/// Maximum wait for the spans of a request.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A collector that accepts everything.
struct Collector {
    endpoint: String,
    bodies: Receiver<Vec<u8>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, bodies) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if sender.send(receive(stream.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { endpoint, bodies }
    }

    /// Waits until the exports contain all of these. Returns the exports.
    fn wait_for(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut bodies = Vec::new();
        while !parts.iter().all(|part| contains(&bodies, part)) {
            bodies.extend(self.bodies.recv_timeout(TIMEOUT).unwrap());
        }
        bodies
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

/// Receives a request, and answers it. Returns its body.
fn receive(mut stream: TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    loop {
        let mut buffer = [0; 4_096];
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the request is incomplete");
        received.extend_from_slice(&buffer[..count]);
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(received[..end].to_vec()).unwrap();
        assert!(head.starts_with("POST /v1/traces "), "{head}");
        let head = head.to_lowercase();
        assert!(head.contains("application/x-protobuf"), "{head}");
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if received.len() == end + 4 + length {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
            return received.split_off(end + 4);
        }
    }
}

#[test]
fn sampled_request_sends_its_spans() {
    let collector = Collector::start();
    let database = TestDatabase::empty();
    let key = set_up_workspace_with(Path::new(EXECUTABLE), database.url());
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
    ];
    let mut server =
        ServerProcess::start_executable(Path::new(EXECUTABLE), database.url(), &settings);
    let post = |trace: u128, flags: &str| {
        let header = format!("00-{trace:032x}-b7ad6b7169203331-{flags}");
        let request = reqwest::blocking::Client::new()
            .post(format!("http://{}/devices", server.address()))
            .bearer_auth(&key)
            .header("traceparent", header);
        let response = request
            .json(&json!({ "devices": [device(json!({}))] }))
            .send();
        assert_eq!(response.unwrap().status(), 201);
    };
    let unsampled = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128;
    let sampled = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128;
    post(unsampled, "00");
    post(sampled, "01");
    let caller = 0xb7ad_6b71_6920_3331_u64.to_be_bytes();
    let expected: [&[u8]; 4] = [
        &sampled.to_be_bytes(),
        &caller,
        b"POST /devices",
        b"fleet-devices",
    ];
    let mut bodies = collector.wait_for(&expected);
    // Stopping the server sends all spans.
    assert!(server.stop());
    bodies.extend(collector.bodies.try_iter().flatten());
    assert!(!contains(&bodies, &unsampled.to_be_bytes()));
    assert!(!contains(&bodies, key.as_bytes()));
}

#[test]
fn transaction_is_a_child_of_its_request() {
    let collector = Collector::start();
    let database = TestDatabase::empty();
    let key = set_up_workspace_with(Path::new(EXECUTABLE), database.url());
    let settings = [(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        format!("{}/v1/traces", collector.endpoint),
    )];
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut server =
        ServerProcess::start_executable(Path::new(EXECUTABLE), database.url(), &settings);
    let response = reqwest::blocking::Client::new()
        .get(format!("http://{}/devices?limit=1", server.address()))
        .bearer_auth(&key)
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .send();
    assert_eq!(response.unwrap().status(), 200);
    // Stopping the server sends the spans.
    assert!(server.stop());
    collector.wait_for(&[b"GET /devices", b"transaction", b"postgresql"]);
}
