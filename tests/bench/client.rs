//! HTTP client and the requests that it sends.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use devices_tests::payload::RequestTemplate;

/// Keep-alive connection with one request at a time. It implements only the part of HTTP/1.1 that
/// is needed here: clients and server share the machine, so the client takes CPU time from the
/// server.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        Self {
            stream,
            received: vec![0; 256 * 1024],
        }
    }

    /// Sends the request, reads the whole response and returns its status.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let head = loop {
            filled += self.read_at(filled)?;
            let end = self.received[..filled]
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.received[..head]).to_ascii_lowercase();
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<usize>().ok());
        let length = number(
            text.lines()
                .find_map(|line| line.strip_prefix("content-length:")),
        );
        let (Some(status), Some(length)) = (number(text.get(9..12)), length) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut missing = (head + length).saturating_sub(filled);
        while missing > 0 {
            missing = missing.saturating_sub(self.read_at(0)?);
        }
        Ok(status as u16)
    }

    fn read_at(&mut self, offset: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.received[offset..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

/// `POST` of devices, each time with new serial numbers and the next of several API keys.
pub(crate) struct CreateRequest {
    request: RequestTemplate,
    /// Offset of the API key in the request.
    key_offset: usize,
    /// API keys to use in turn, padded to the same length.
    keys: Vec<String>,
    next_key: usize,
}

impl CreateRequest {
    pub(crate) fn new(path: &str, keys: &[String], body: &RequestTemplate) -> Self {
        let longest = keys.iter().map(String::len).max().unwrap_or_default();
        let padded = |key: &String| format!("{key:<longest$}");
        let mut bytes = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer ").into_bytes();
        let key_offset = bytes.len();
        bytes.extend(
            format!(
                "{:longest$}\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                "",
                body.bytes.len()
            )
            .into_bytes(),
        );
        let body_offset = bytes.len();
        bytes.extend(&body.bytes);
        let shifted =
            |offsets: &Vec<usize>| offsets.iter().map(|offset| offset + body_offset).collect();
        Self {
            request: RequestTemplate {
                bytes,
                serial_offsets: body.serial_offsets.iter().map(shifted).collect(),
            },
            key_offset,
            keys: keys.iter().map(padded).collect(),
            next_key: 0,
        }
    }

    /// Changes the request and returns its bytes.
    pub(crate) fn next(&mut self) -> &[u8] {
        self.request.assign_new_serials();
        if !self.keys.is_empty() {
            let key = self.keys[self.next_key % self.keys.len()].as_bytes();
            self.next_key += 1;
            self.request.bytes[self.key_offset..self.key_offset + key.len()].copy_from_slice(key);
        }
        &self.request.bytes
    }
}

/// Returns workers that post `body` over a connection each. The API keys are distributed over the
/// workers, each of which uses its own in turn.
pub(crate) fn creators(
    addresses: &[&str],
    path: &str,
    api_keys: &[String],
    body: &RequestTemplate,
    clients: usize,
    expected_status: u16,
) -> Vec<impl FnMut() -> bool + Send + use<>> {
    let workers = (0..clients).map(|client| {
        let own = api_keys.iter().skip(client).step_by(clients);
        let mut own: Vec<_> = own.cloned().collect();
        if own.is_empty() {
            own.extend(api_keys.iter().cycle().nth(client).cloned());
        }
        let mut request = CreateRequest::new(path, &own, body);
        let mut client = Client::connect(addresses[client % addresses.len()]);
        move || {
            let status = client.send(request.next());
            status.is_ok_and(|status| status == expected_status)
        }
    });
    workers.collect()
}

/// Returns a worker that posts one of `bodies` after the other over a connection.
pub(crate) fn poster(
    address: &str,
    path: &str,
    api_key: &str,
    bodies: &[RequestTemplate],
    expected_status: u16,
) -> impl FnMut() -> bool + Send + use<> {
    let requests = bodies
        .iter()
        .map(|body| CreateRequest::new(path, &[api_key.to_owned()], body));
    let mut requests: Vec<_> = requests.collect();
    let mut client = Client::connect(address);
    let mut next = 0;
    move || {
        let index = next % requests.len();
        next += 1;
        let status = client.send(requests[index].next());
        status.is_ok_and(|status| status == expected_status)
    }
}

/// Returns a worker that sends a request for one device after the other, with a body made from the
/// number of the request.
pub(crate) fn requester_by_id(
    address: &str,
    api_key: &str,
    method: &'static str,
    body: fn(u64) -> String,
    ids: Vec<i64>,
) -> impl FnMut() -> bool + Send + use<> {
    let mut client = Client::connect(address);
    let headers = format!(
        "HTTP/1.1\r\nAuthorization: Bearer {api_key}\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nContent-Length:"
    );
    let mut numbered_ids = (1..).zip(ids.into_iter().cycle());
    move || {
        let (number, id) = numbered_ids.next().unwrap_or_default();
        let body = body(number);
        let length = body.len();
        let request = format!("{method} /devices/{id} {headers} {length}\r\n\r\n{body}");
        let status = client.send(request.as_bytes());
        status.is_ok_and(|status| status == 200)
    }
}
