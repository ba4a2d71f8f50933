//! A server that rejects a request before it has read its body. Other systems than Linux may
//! discard what they have received before the connection was reset.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use devices_client::{Client, ImportRequest, RetryPolicy};

/// Starts a server that reads the head of a request, responds, and closes the connection.
fn start_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("the address is known");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("the client connects");
            let mut lines = BufReader::new(&client).lines();
            let end = lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
            assert!(end.is_some());
            let response = "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 29\r\n\
                            Connection: close\r\n\r\n{\"error\":\"PAYLOAD_TOO_LARGE\"}";
            client
                .write_all(response.as_bytes())
                .expect("the client reads");
        }
    });
    format!("http://{address}")
}

#[test]
fn early_response_is_read_although_the_body_is_not() {
    let once = RetryPolicy {
        max_attempts: 1,
        ..RetryPolicy::default()
    };
    let client = Client::new(&start_server(), "fdk_k").expect("the URL is valid");
    let client = client.with_retries(once);
    let request = ImportRequest {
        file_name: "large.csv".to_owned(),
        file: vec![b'x'; 16 << 20],
        options: serde_json::json!({}),
        idempotency_key: Some("large".to_owned()),
    };
    for _ in 0..20 {
        let error = client.import(&request).expect_err("the file is too large");
        assert_eq!(error.code(), Some("PAYLOAD_TOO_LARGE"), "{error}");
    }
}
