//! Connections that send and read one byte at a time.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, ServerProcess, set_up_workspace};

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Response};

/// Duration of each measurement of the normal client.
const WINDOW: Duration = Duration::from_secs(8);

/// The server must go on serving a normal client while `connections` slow ones are open, and the
/// slow ones must not hold a connection of the pool.
pub(crate) fn run(cluster: &Cluster, connections: usize) -> Outcome {
    let secret = set_up_workspace(cluster.url());
    let service = ServerProcess::start(cluster.url(), &[]);
    let client = Client::new(&secret);
    let large = Batch {
        key: "S-large".to_owned(),
        rows: 1_000,
        is_invalid: false,
    };
    let response = client.post(service.address(), &large.key, &large.body());
    if !matches!(response, Response::Stored { .. }) {
        return Err(format!("the large batch got {response:?}"));
    }
    let before = measure(&client, &service, "before");
    let stop = AtomicBool::new(false);
    let (open, during, in_use) = std::thread::scope(|scope| {
        let attackers = [Slowness::Head, Slowness::Body, Slowness::Response].map(|slowness| {
            let attacker = Attacker::new(slowness, service.address(), &secret, &large);
            let stop = &stop;
            scope.spawn(move || attacker.run(connections / 3, stop))
        });
        let during = measure(&client, &service, "during");
        // The normal client is idle now, so that only slow clients can hold a pool connection.
        let in_use = service.connections_in_use();
        stop.store(true, Ordering::SeqCst);
        let open = attackers.map(|attacker| attacker.join().expect("no attacker panics"));
        (open, during, in_use)
    });
    let [heads, bodies, responses] = open;
    let summary = format!(
        "slow connections open on average, of {} each: {heads} sent a head, {bodies} sent a body, \
         {responses} read a response of 1,000 devices, one byte at a time; closed ones were opened \
         again\n\
         normal client before:         {before}\n\
         normal client beside them:    {during}\n\
         pool connections in use by slow clients: {in_use}",
        connections / 3
    );
    let is_attacked = open.iter().all(|open| open * 10 >= connections / 3 * 9);
    // One second is far above the usual values, and above what a client would tolerate.
    let is_served = during.failed == 0 && during.percentile(0.99) < Duration::from_secs(1);
    if is_attacked && is_served && in_use == 0 {
        Ok(summary)
    } else {
        Err(summary)
    }
}

/// Latencies of the normal client.
struct Latencies {
    /// Sorted in ascending order.
    stored: Vec<Duration>,
    /// Number of responses other than 201.
    failed: usize,
}

impl Latencies {
    /// Returns the latency that this fraction of the batches did not exceed.
    fn percentile(&self, fraction: f64) -> Duration {
        let index = (self.stored.len() as f64 * fraction) as usize;
        let index = index.min(self.stored.len().saturating_sub(1));
        self.stored.get(index).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = |fraction| self.percentile(fraction).as_secs_f64() * 1_000.0;
        write!(
            f,
            "{} batches of 10, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, {} without a 201",
            self.stored.len(),
            milliseconds(0.5),
            milliseconds(0.99),
            milliseconds(1.0),
            self.failed
        )
    }
}

fn measure(client: &Client, service: &ServerProcess, name: &str) -> Latencies {
    let start = Instant::now();
    let mut latencies = Latencies {
        stored: Vec::new(),
        failed: 0,
    };
    for request in 0.. {
        if start.elapsed() > WINDOW {
            break;
        }
        let batch = Batch {
            key: format!("N-{name}-{request}"),
            rows: 10,
            is_invalid: false,
        };
        let body = batch.body();
        let sent = Instant::now();
        match client.post(service.address(), &batch.key, &body) {
            Response::Stored { .. } => latencies.stored.push(sent.elapsed()),
            _ => latencies.failed += 1,
        }
    }
    latencies.stored.sort();
    latencies
}

/// Part of the exchange in which a client is slow.
#[derive(Clone, Copy)]
enum Slowness {
    Head,
    Body,
    Response,
}

/// Opens slow connections of one kind and keeps them open.
struct Attacker {
    slowness: Slowness,
    address: String,
    /// Bytes that are sent at once; the rest follows byte by byte.
    prefix: Vec<u8>,
}

impl Attacker {
    /// `large` must be stored under its key: its response is long and can be replayed.
    fn new(slowness: Slowness, address: &str, secret: &str, large: &Batch) -> Self {
        let body = large.body().to_string();
        let head = format!(
            "POST /devices HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: {}\r\nContent-Length: {}\r\n\r\n",
            large.key,
            body.len()
        );
        let prefix = match slowness {
            Slowness::Head => "POST /devices HTTP/1.1\r\nX-Slow: ".to_owned(),
            Slowness::Body => head,
            Slowness::Response => head + &body,
        };
        Self {
            slowness,
            address: address.to_owned(),
            prefix: prefix.into_bytes(),
        }
    }

    /// Keeps `connections` connections busy, one byte at a time, and reopens those that the server
    /// closed. Returns the average number of open connections.
    fn run(self, connections: usize, stop: &AtomicBool) -> usize {
        let mut sockets: Vec<Option<TcpStream>> = (0..connections).map(|_| None).collect();
        let (mut rounds, mut open) = (0, 0);
        while !stop.load(Ordering::SeqCst) {
            for socket in &mut sockets {
                let is_open = socket
                    .as_mut()
                    .is_some_and(|socket| self.transfer_byte(socket));
                if !is_open && !stop.load(Ordering::SeqCst) {
                    *socket = self.open().ok();
                }
            }
            rounds += 1;
            open += sockets.iter().flatten().count();
            std::thread::sleep(Duration::from_millis(100));
        }
        open / rounds.max(1)
    }

    fn open(&self) -> std::io::Result<TcpStream> {
        let mut socket = TcpStream::connect(&self.address)?;
        socket.set_write_timeout(Some(Duration::from_millis(500)))?;
        socket.write_all(&self.prefix)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Sends or reads one byte. Returns whether the connection is still open.
    fn transfer_byte(&self, socket: &mut TcpStream) -> bool {
        let transferred = match self.slowness {
            Slowness::Head | Slowness::Body => socket.write(b"x").map(|_| ()),
            Slowness::Response => socket.read(&mut [0; 1]).and_then(|count| match count {
                0 => Err(ErrorKind::ConnectionReset.into()),
                _ => Ok(()),
            }),
        };
        match transferred {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}
