//! An HTTP relay in front of the server that makes requests fail.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use devices_tests::Api;

/// Treatment of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The client gets a 503. The server does not get the request.
    Unavailable,
    /// The server carries out the request, and the connection closes before its response.
    LoseResponse,
}

/// Forwards requests to a server. The first ones fail.
pub(super) struct Relay {
    /// Base URL.
    pub(super) url: String,
    idempotency_keys: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// Starts a relay. The first requests get these faults, in order.
    pub(super) fn in_front_of(api: &Api, faults: &[Fault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            idempotency_keys: Arc::default(),
        };
        let server = api.server.address().to_owned();
        let mut faults: VecDeque<_> = faults.iter().copied().collect();
        let keys = Arc::clone(&relay.idempotency_keys);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                relay_request(client.unwrap(), &server, faults.pop_front(), &keys);
            }
        });
        relay
    }

    /// Returns the idempotency keys of all requests so far.
    pub(super) fn idempotency_keys(&self) -> Vec<String> {
        self.idempotency_keys.lock().unwrap().clone()
    }
}

fn relay_request(
    mut client: TcpStream,
    server: &str,
    fault: Option<Fault>,
    keys: &Mutex<Vec<String>>,
) {
    let request = Request::read(&client);
    keys.lock().unwrap().push(request.header("idempotency-key"));
    if let Some(Fault::Unavailable) = fault {
        let response = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\n\
                        Content-Length: 0\r\nConnection: close\r\n\r\n";
        client.write_all(response.as_bytes()).unwrap();
        return;
    }
    let mut server = TcpStream::connect(server).unwrap();
    server.write_all(&request.to_bytes()).unwrap();
    if let Some(Fault::LoseResponse) = fault {
        server.read_exact(&mut [0]).unwrap();
    } else {
        copy(&mut server, &mut client).unwrap();
    }
}

/// An HTTP request with `Content-Length`.
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
        let length = request.header("content-length").parse().unwrap();
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body).unwrap();
        request
    }

    fn header(&self, name: &str) -> String {
        let mut headers = self.head.iter().filter_map(|line| line.split_once(": "));
        let header = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        header.unwrap().1.to_owned()
    }

    /// Asks the server to close the connection after the response, which marks its end.
    fn to_bytes(&self) -> Vec<u8> {
        let head = self.head.join("\r\n") + "\r\nConnection: close\r\n\r\n";
        [head.as_bytes(), &self.body].concat()
    }
}
