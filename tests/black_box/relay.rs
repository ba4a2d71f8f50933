//! An HTTP relay in front of the server that makes requests fail.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use devices_tests::{Api, TIMEOUT};

/// Treatment of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request succeeds.
    None,
    /// The client gets a 503. The server does not get the request.
    Unavailable,
    /// The server gets the first half of the body. Then both connections close.
    CutRequest,
    /// The server carries out the request, and the connection closes before its response.
    LoseResponse,
    /// The server does not get the request. The client waits for a response.
    Stall,
}

/// Forwards requests to a server. The first ones fail.
pub(crate) struct Relay {
    /// Base URL.
    pub(crate) url: String,
    /// Address of the server.
    server: Arc<Mutex<String>>,
    requests: Arc<Requests>,
}

/// Requests that a relay has received.
#[derive(Default)]
struct Requests {
    idempotency_keys: Mutex<Vec<String>>,
    received: Condvar,
}

impl Relay {
    /// Starts a relay. The first requests get these faults, in order.
    pub(crate) fn in_front_of(api: &Api, faults: &[Fault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            server: Arc::new(Mutex::new(api.server.address().to_owned())),
            requests: Arc::default(),
        };
        let server = Arc::clone(&relay.server);
        let mut faults: VecDeque<_> = faults.iter().copied().collect();
        let requests = Arc::clone(&relay.requests);
        std::thread::spawn(move || {
            let mut stalled = Vec::new();
            for client in listener.incoming() {
                let client = client.unwrap();
                let request = Request::read(&client);
                let fault = faults.pop_front().unwrap_or(Fault::None);
                requests.push(request.header("idempotency-key").unwrap_or_default());
                if fault == Fault::Stall {
                    stalled.push(client);
                } else {
                    let server = server.lock().unwrap().clone();
                    relay_request(client, request, &server, fault);
                }
            }
        });
        relay
    }

    /// Forwards later requests to another server.
    pub(crate) fn forward_to(&self, api: &Api) {
        api.server
            .address()
            .clone_into(&mut self.server.lock().unwrap());
    }

    /// Returns the idempotency keys of all requests so far. A request without one counts as an
    /// empty key.
    pub(crate) fn idempotency_keys(&self) -> Vec<String> {
        self.requests.idempotency_keys.lock().unwrap().clone()
    }

    /// Waits until the relay has received this many requests.
    pub(crate) fn wait_for_requests(&self, count: usize) {
        let keys = self.requests.idempotency_keys.lock().unwrap();
        let is_missing = |keys: &mut Vec<String>| keys.len() < count;
        let received = &self.requests.received;
        let (_keys, result) = received
            .wait_timeout_while(keys, TIMEOUT, is_missing)
            .unwrap();
        assert!(!result.timed_out(), "fewer than {count} requests");
    }
}

impl Requests {
    fn push(&self, idempotency_key: String) {
        self.idempotency_keys.lock().unwrap().push(idempotency_key);
        self.received.notify_all();
    }
}

fn relay_request(mut client: TcpStream, request: Request, server: &str, fault: Fault) {
    if fault == Fault::Unavailable {
        let response = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\n\
                        Content-Length: 0\r\nConnection: close\r\n\r\n";
        client.write_all(response.as_bytes()).unwrap();
        return;
    }
    // While the server is down, the client's connection closes without a response.
    let Ok(mut server) = TcpStream::connect(server) else {
        return;
    };
    let mut bytes = request.to_bytes();
    if fault == Fault::CutRequest {
        bytes.truncate(bytes.len() - request.body.len() / 2);
        server.write_all(&bytes).unwrap();
        server.shutdown(Shutdown::Both).unwrap();
        return;
    }
    server.write_all(&bytes).unwrap();
    if fault == Fault::LoseResponse {
        server.read_exact(&mut [0]).unwrap();
        return;
    }
    // The client may have been interrupted.
    drop(copy(&mut server, &mut client));
}

/// An HTTP request without a body, or with `Content-Length`.
struct Request {
    /// Request line and headers, without line ends.
    head: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    fn read(client: &TcpStream) -> Self {
        let mut reader = BufReader::new(client);
        let lines = reader.by_ref().lines().map(Result::unwrap);
        let head = lines.take_while(|line| !line.is_empty()).collect();
        let mut request = Self {
            head,
            body: Vec::new(),
        };
        let length = request.header("content-length").unwrap_or_default();
        let length = length.parse().unwrap_or(0);
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body).unwrap();
        request
    }

    fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.head.iter().filter_map(|line| line.split_once(": "));
        let header = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        Some(header?.1.to_owned())
    }

    /// Asks the server to close the connection after the response, which marks its end.
    fn to_bytes(&self) -> Vec<u8> {
        let head = self.head.join("\r\n") + "\r\nConnection: close\r\n\r\n";
        [head.as_bytes(), &self.body].concat()
    }
}
