//! Connections that send and read as slowly as they can.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, Service, prepare};

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Told};

/// How long the normal client is watched, before and during the siege.
const WINDOW: Duration = Duration::from_secs(8);

/// A normal client is served all the while, and no connection of the pool is held.
pub(crate) fn run(cluster: &Cluster, connections: usize) -> Outcome {
    let secret = prepare(cluster.url());
    let service = Service::start(cluster.url(), &[]);
    let client = Client::new(&secret);
    let large = Batch {
        key: "S-large".to_owned(),
        rows: 1_000,
        is_bad: false,
    };
    let told = client.post(service.address(), &large.key, &large.body());
    if !matches!(told, Told::Stored { .. }) {
        return Err(format!("the large batch was told {told:?}"));
    }
    let before = watch(&client, &service, "before");
    let stop = AtomicBool::new(false);
    let (held, during, in_use) = std::thread::scope(|scope| {
        let besieging = [Kind::Head, Kind::Body, Kind::Reading].map(|kind| {
            let siege = Siege::prepare(kind, service.address(), &secret, &large);
            let stop = &stop;
            scope.spawn(move || siege.hold(connections / 3, stop))
        });
        let during = watch(&client, &service, "during");
        // The normal client rests: whatever is in use is in use by the others.
        let in_use = service.connections_in_use();
        stop.store(true, Ordering::SeqCst);
        let held = besieging.map(|one| one.join().expect("no client panics"));
        (held, during, in_use)
    });
    let [heads, bodies, readers] = held;
    let said = format!(
        "slow connections, of {} each, that were open on average: {heads} sent a head, {bodies} sent a \
         body and {readers} read an answer of 1,000 devices, a byte at a time; those that the server \
         closed were opened again\n\
         a normal client without them: {before}\n\
         and beside them:              {during}\n\
         connections of the pool in use by them: {in_use}",
        connections / 3
    );
    let is_besieged = [heads, bodies, readers]
        .iter()
        .all(|open| open * 10 >= connections / 3 * 9);
    // Far from what is seen, and from what anybody would put up with.
    let is_served = during.others == 0 && during.at(0.99) < Duration::from_secs(1);
    match is_besieged && is_served && in_use == 0 {
        true => Ok(said),
        false => Err(said),
    }
}

/// What a normal client saw.
struct Seen {
    took: Vec<Duration>,
    /// Answers other than 201.
    others: usize,
}

impl Seen {
    /// The time that this share of the batches did not exceed.
    fn at(&self, share: f64) -> Duration {
        let index = (self.took.len() as f64 * share) as usize;
        let took = self.took.get(index.min(self.took.len().saturating_sub(1)));
        took.copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |share| self.at(share).as_secs_f64() * 1_000.0;
        write!(
            f,
            "{} batches of 10, p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms, {} not answered 201",
            self.took.len(),
            at(0.5),
            at(0.99),
            at(1.0),
            self.others
        )
    }
}

fn watch(client: &Client, service: &Service, name: &str) -> Seen {
    let began = Instant::now();
    let mut seen = Seen {
        took: Vec::new(),
        others: 0,
    };
    for request in 0.. {
        if began.elapsed() > WINDOW {
            break;
        }
        let batch = Batch {
            key: format!("N-{name}-{request}"),
            rows: 10,
            is_bad: false,
        };
        let body = batch.body();
        let sent = Instant::now();
        match client.post(service.address(), &batch.key, &body) {
            Told::Stored { .. } => seen.took.push(sent.elapsed()),
            _ => seen.others += 1,
        }
    }
    seen.took.sort();
    seen
}

#[derive(Clone, Copy)]
enum Kind {
    Head,
    Body,
    Reading,
}

struct Siege {
    kind: Kind,
    address: String,
    /// What is sent at once; the rest comes byte by byte.
    beginning: Vec<u8>,
}

impl Siege {
    /// `large` is a batch that was stored under its key: its answer is long and remembered.
    fn prepare(kind: Kind, address: &str, secret: &str, large: &Batch) -> Self {
        let body = large.body().to_string();
        let head = format!(
            "POST /devices HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: {}\r\nContent-Length: {}\r\n\r\n",
            large.key,
            body.len()
        );
        let beginning = match kind {
            Kind::Head => "POST /devices HTTP/1.1\r\nX-Slow: ".to_owned(),
            Kind::Body => head,
            Kind::Reading => head + &body,
        };
        Self {
            kind,
            address: address.to_owned(),
            beginning: beginning.into_bytes(),
        }
    }

    /// Keeps so many connections busy, a byte at a time, and opens those again that were closed. How
    /// many were open on average.
    fn hold(self, connections: usize, stop: &AtomicBool) -> usize {
        let mut sockets: Vec<Option<TcpStream>> = (0..connections).map(|_| None).collect();
        let (mut rounds, mut open) = (0, 0);
        while !stop.load(Ordering::SeqCst) {
            for socket in &mut sockets {
                let is_open = socket.as_mut().is_some_and(|socket| self.go_on(socket));
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
        socket.write_all(&self.beginning)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Another byte; whether the connection is still open.
    fn go_on(&self, socket: &mut TcpStream) -> bool {
        let done = match self.kind {
            Kind::Head | Kind::Body => socket.write(b"x").map(|_| ()),
            Kind::Reading => socket.read(&mut [0; 1]).and_then(|count| match count {
                0 => Err(ErrorKind::ConnectionReset.into()),
                _ => Ok(()),
            }),
        };
        done.map_or_else(|error| error.kind() == ErrorKind::WouldBlock, |()| true)
    }
}
