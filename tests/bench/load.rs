//! Clients: as many connections as there are, each with one request after the other.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use devices_tests::payload::Numbered;

/// What was seen in a window of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Devices a second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// How many times something else came of it than was wanted.
    pub(crate) errors: usize,
    /// How many devices were stored, the warm-up counted.
    pub(crate) devices: usize,
}

/// How long a window lasts, and how long it runs before it counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) warm_up: Duration,
    pub(crate) lasts: Duration,
}

/// Lets each of these workers do one thing after the other, all at once, and counts what was done within
/// the window. A worker returns whether it did what it should.
pub(crate) fn watch<W: FnMut() -> bool + Send>(
    window: Window,
    devices_each: usize,
    workers: Vec<W>,
) -> Sample {
    let together = Barrier::new(workers.len());
    let done: Vec<(Vec<Duration>, usize, usize)> = std::thread::scope(|scope| {
        let started: Vec<_> = workers
            .into_iter()
            .map(|mut work| {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    let begins = Instant::now() + window.warm_up;
                    let ends = begins + window.lasts;
                    let (mut took, mut errors, mut all) = (Vec::new(), 0, 0);
                    loop {
                        let began = Instant::now();
                        let is_right = work();
                        let ended = Instant::now();
                        if !is_right {
                            errors += 1;
                        } else {
                            all += devices_each;
                        }
                        if ended >= ends {
                            return (took, errors, all);
                        }
                        if ended >= begins && is_right {
                            took.push(ended - began);
                        }
                    }
                })
            })
            .collect();
        let joined = started.into_iter().map(|worker| worker.join());
        joined.map(|done| done.expect("no worker panics")).collect()
    });
    let mut took: Vec<Duration> = done.iter().flat_map(|(took, ..)| took.clone()).collect();
    took.sort_unstable();
    let at = |share: f64| {
        let place = (took.len() as f64 * share) as usize;
        let place = place.min(took.len().saturating_sub(1));
        took.get(place).copied().unwrap_or_default()
    };
    Sample {
        rate: (took.len() * devices_each) as f64 / window.lasts.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        errors: done.iter().map(|(_, errors, _)| errors).sum(),
        devices: done.iter().map(|(.., devices)| devices).sum(),
    }
}

/// A connection that is kept, and a request that is sent over it again and again. It is no more than
/// what HTTP/1.1 needs here: on a machine that clients and server share, what the client does is missing
/// to the server.
pub(crate) struct Client {
    stream: TcpStream,
    request: Numbered,
    /// Where the secret stands, and what stands there in turn, all of one length.
    secret: usize,
    secrets: Vec<String>,
    turn: usize,
    received: Vec<u8>,
}

impl Client {
    /// Will post this body to `path` at `address`, with each of these secrets in turn.
    pub(crate) fn connect(address: &str, path: &str, secrets: &[String], body: &Numbered) -> Self {
        let longest = secrets.iter().map(String::len).max().unwrap_or_default();
        let padded = |secret: &String| format!("{secret:<longest$}");
        let mut bytes = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer ").into_bytes();
        let secret = bytes.len();
        bytes.extend(
            format!(
                "{:longest$}\r\nHost: {address}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                "",
                body.bytes.len()
            )
            .into_bytes(),
        );
        let shift = bytes.len();
        bytes.extend(&body.bytes);
        let moved = |places: &Vec<usize>| places.iter().map(|place| place + shift).collect();
        let stream = TcpStream::connect(address).expect("the server listens");
        stream
            .set_nodelay(true)
            .expect("a connection can be told so");
        Self {
            stream,
            request: Numbered {
                bytes,
                places: body.places.iter().map(moved).collect(),
            },
            secret,
            secrets: secrets.iter().map(padded).collect(),
            turn: 0,
            received: vec![0; 256 * 1024],
        }
    }

    /// Sends the request with new serial numbers, and returns the answer's status once all of it came.
    pub(crate) fn post(&mut self) -> io::Result<u16> {
        self.request.renumber();
        if !self.secrets.is_empty() {
            let secret = self.secrets[self.turn % self.secrets.len()].as_bytes();
            self.turn += 1;
            self.request.bytes[self.secret..self.secret + secret.len()].copy_from_slice(secret);
        }
        self.stream.write_all(&self.request.bytes)?;
        let mut filled = 0;
        let head = loop {
            filled += self.read_after(filled)?;
            let found = self.received[..filled]
                .windows(4)
                .position(|end| end == b"\r\n\r\n");
            if let Some(end) = found {
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
            missing = missing.saturating_sub(self.read_after(0)?);
        }
        Ok(status as u16)
    }

    fn read_after(&mut self, filled: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.received[filled..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}
