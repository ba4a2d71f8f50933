//! Load generator: concurrent connections, each with one request at a time.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use devices_tests::payload::RequestTemplate;

/// Measurements of one window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Devices per second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Number of operations that failed, or whose status was not the expected one.
    pub(crate) errors: usize,
    /// Number of devices processed, including the warm-up.
    pub(crate) devices: usize,
}

/// Duration of a measurement, and of the warm-up before it that does not count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

/// Operations of one worker: latencies within the window, errors and devices of the whole run.
#[derive(Debug, Default)]
struct WorkerResult {
    latencies: Vec<Duration>,
    errors: usize,
    devices: usize,
}

/// Runs all workers concurrently, each in a loop, and measures the operations within the window. A
/// worker processes `devices_each` devices per call and returns whether it succeeded.
pub(crate) fn measure<W: FnMut() -> bool + Send>(
    window: Window,
    devices_each: usize,
    workers: Vec<W>,
) -> Sample {
    let barrier = Barrier::new(workers.len());
    let results: Vec<WorkerResult> = std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    run_worker(window, devices_each, worker)
                })
            })
            .collect();
        let results = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        results
            .map(|result| result.expect("no worker panics"))
            .collect()
    });
    let mut latencies: Vec<Duration> = results
        .iter()
        .flat_map(|result| result.latencies.clone())
        .collect();
    latencies.sort_unstable();
    let percentile = |fraction: f64| {
        let index = (latencies.len() as f64 * fraction) as usize;
        let index = index.min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().unwrap_or_default()
    };
    Sample {
        rate: (latencies.len() * devices_each) as f64 / window.duration.as_secs_f64(),
        p50: percentile(0.5),
        p99: percentile(0.99),
        errors: results.iter().map(|result| result.errors).sum(),
        devices: results.iter().map(|result| result.devices).sum(),
    }
}

/// Posts `body` from concurrent clients. The API keys are distributed over the clients, each of
/// which uses its own in turn.
pub(crate) fn post(
    window: Window,
    addresses: &[&str],
    path: &str,
    api_keys: &[String],
    body: &RequestTemplate,
    clients: usize,
    expected_status: u16,
) -> Sample {
    let workers = (0..clients).map(|client| {
        let mut own: Vec<_> = api_keys
            .iter()
            .skip(client)
            .step_by(clients)
            .cloned()
            .collect();
        if own.is_empty() {
            own.extend(api_keys.first().cloned());
        }
        let address = addresses[client % addresses.len()];
        let mut client = Client::connect(address, path, &own, body);
        move || client.post().is_ok_and(|status| status == expected_status)
    });
    measure(window, body.serial_offsets.len(), workers.collect())
}

fn run_worker(
    window: Window,
    devices_each: usize,
    mut worker: impl FnMut() -> bool,
) -> WorkerResult {
    let start = Instant::now() + window.warm_up;
    let end = start + window.duration;
    let mut result = WorkerResult::default();
    loop {
        let started = Instant::now();
        let succeeded = worker();
        let ended = Instant::now();
        if succeeded {
            result.devices += devices_each;
        } else {
            result.errors += 1;
        }
        if ended >= end {
            return result;
        }
        if ended >= start && succeeded {
            result.latencies.push(ended - started);
        }
    }
}

/// Keep-alive connection that sends one request again and again. It implements only the part of
/// HTTP/1.1 that is needed here: clients and server share the machine, so the client takes CPU time
/// from the server.
pub(crate) struct Client {
    stream: TcpStream,
    request: RequestTemplate,
    /// Offset of the API key in the request.
    key_offset: usize,
    /// API keys to use in turn, padded to the same length.
    keys: Vec<String>,
    next_key: usize,
    received: Vec<u8>,
}

impl Client {
    /// Connects to `address` to post `body` to `path`, with each of `keys` in turn.
    pub(crate) fn connect(
        address: &str,
        path: &str,
        keys: &[String],
        body: &RequestTemplate,
    ) -> Self {
        let longest = keys.iter().map(String::len).max().unwrap_or_default();
        let padded = |key: &String| format!("{key:<longest$}");
        let mut bytes = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer ").into_bytes();
        let key_offset = bytes.len();
        bytes.extend(
            format!(
                "{:longest$}\r\nHost: {address}\r\nContent-Type: application/json\r\n\
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
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        Self {
            stream,
            request: RequestTemplate {
                bytes,
                serial_offsets: body.serial_offsets.iter().map(shifted).collect(),
            },
            key_offset,
            keys: keys.iter().map(padded).collect(),
            next_key: 0,
            received: vec![0; 256 * 1024],
        }
    }

    /// Sends the request with new serial numbers, reads the whole response and returns its status.
    pub(crate) fn post(&mut self) -> io::Result<u16> {
        self.request.assign_new_serials();
        if !self.keys.is_empty() {
            let key = self.keys[self.next_key % self.keys.len()].as_bytes();
            self.next_key += 1;
            self.request.bytes[self.key_offset..self.key_offset + key.len()].copy_from_slice(key);
        }
        self.stream.write_all(&self.request.bytes)?;
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
