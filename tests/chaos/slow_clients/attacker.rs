//! Slow clients: connections that send or read one byte at a time, or nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::batches::Batch;

/// Part of the exchange in which a client is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slowness {
    /// Sends the first head of a connection byte by byte.
    Head,
    /// Sends the second head of a connection byte by byte, after a response.
    LaterHead,
    /// Sends half of the second head of a connection and then nothing.
    SilentLaterHead,
    /// Sends a body byte by byte.
    Body,
    /// Sends a large file byte by byte.
    Upload,
    /// Reads the response to a batch byte by byte.
    Response,
    /// Reads an export byte by byte.
    Export,
    /// Reads nothing of a page of large devices.
    UnreadList,
    /// Reads nothing of an export.
    UnreadExport,
}

impl Slowness {
    pub(super) const ALL: [Self; 9] = [
        Self::Head,
        Self::LaterHead,
        Self::SilentLaterHead,
        Self::Body,
        Self::Upload,
        Self::Response,
        Self::Export,
        Self::UnreadList,
        Self::UnreadExport,
    ];

    /// Returns the percentage of the slow connections that are of this kind.
    fn percent(self) -> usize {
        match self {
            Self::Export | Self::UnreadExport | Self::Upload => 5,
            Self::SilentLaterHead | Self::UnreadList | Self::Body => 10,
            Self::LaterHead => 15,
            Self::Head | Self::Response => 20,
        }
    }

    /// Returns the maximum number of connections to open in a round of 100 ms. Few for large
    /// responses: the scenario measures slow clients, not the load of their requests.
    fn max_opened(self, round: usize) -> usize {
        match self {
            Self::UnreadList | Self::UnreadExport | Self::Export => {
                usize::from(round.is_multiple_of(2))
            }
            _ => usize::MAX,
        }
    }
}

/// Opens slow connections of one kind and keeps them open.
pub(super) struct Attacker {
    slowness: Slowness,
    address: String,
    /// Bytes that are sent at once, for each workspace in turn; the rest follows byte by byte.
    prefixes: Vec<Vec<u8>>,
}

/// Connections of an attacker when it was stopped.
pub(super) struct Attack {
    pub(super) slowness: Slowness,
    /// Average number of open connections.
    pub(super) open: usize,
    /// Number of connections that the server closed.
    pub(super) closed: usize,
    /// Connections that are still open. Nothing more is sent or read.
    pub(super) sockets: Vec<TcpStream>,
}

impl Attacker {
    /// `large` must be stored under its key in every workspace: its response is long and can be
    /// replayed. `secrets` are keys of the workspaces.
    pub(super) fn new(
        slowness: Slowness,
        address: &str,
        secrets: &[String],
        large: &Batch,
    ) -> Self {
        let prefixes = secrets.iter().map(|secret| {
            let prefix = prefix(slowness, address, secret, large);
            prefix.into_bytes()
        });
        Self {
            slowness,
            address: address.to_owned(),
            prefixes: prefixes.collect(),
        }
    }

    /// Keeps its share of the `connections` busy, one byte at a time, and reopens those that the
    /// server closed.
    pub(super) fn run(&self, connections: usize, stop: &AtomicBool) -> Attack {
        let count = (connections * self.slowness.percent() / 100).max(1);
        let mut slots: Vec<Slot> = (0..count).map(|_| Slot::default()).collect();
        let (mut rounds, mut open) = (0, 0);
        while !stop.load(Ordering::SeqCst) {
            let mut max_opened = self.slowness.max_opened(rounds);
            for (index, slot) in slots.iter_mut().enumerate() {
                slot.close_if_ended(self.slowness);
                if slot.socket.is_none() && max_opened > 0 && !stop.load(Ordering::SeqCst) {
                    slot.socket = self.open(index).ok();
                    max_opened -= 1;
                }
            }
            rounds += 1;
            open += slots.iter().filter(|slot| slot.socket.is_some()).count();
            std::thread::sleep(Duration::from_millis(100));
        }
        Attack {
            slowness: self.slowness,
            open: open / rounds.max(1),
            closed: slots.iter().map(|slot| slot.closed).sum(),
            sockets: slots.into_iter().filter_map(|slot| slot.socket).collect(),
        }
    }

    fn open(&self, index: usize) -> std::io::Result<TcpStream> {
        let mut socket = TcpStream::connect(&self.address)?;
        socket.set_write_timeout(Some(Duration::from_millis(500)))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        if matches!(
            self.slowness,
            Slowness::LaterHead | Slowness::SilentLaterHead
        ) {
            socket.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")?;
            // The response is smaller and arrives at once.
            let _ = socket.read(&mut [0; 4_096])?;
        }
        socket.write_all(&self.prefixes[index % self.prefixes.len()])?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// A connection that is opened again when the server closes it.
#[derive(Default)]
struct Slot {
    socket: Option<TcpStream>,
    /// Number of times that the server closed it.
    closed: usize,
}

impl Slot {
    /// Sends or reads one byte, if clients of this kind do.
    fn close_if_ended(&mut self, slowness: Slowness) {
        let is_open = |socket: &mut TcpStream| is_open_after_byte(slowness, socket);
        if self.socket.as_mut().is_some_and(|socket| !is_open(socket)) {
            self.socket = None;
            self.closed += 1;
        }
    }
}

/// Sends or reads one byte, if clients of this kind do. Returns whether the connection is open.
fn is_open_after_byte(slowness: Slowness, socket: &mut TcpStream) -> bool {
    let peeked_end = |count| match count {
        0 => Err(ErrorKind::ConnectionReset.into()),
        _ => Ok(()),
    };
    // After a reset, the bytes that arrived before can still be read.
    if !matches!(socket.take_error(), Ok(None)) {
        return false;
    }
    let transferred = match slowness {
        Slowness::Head | Slowness::LaterHead | Slowness::Body | Slowness::Upload => {
            socket.write(b"x").map(|_| ())
        }
        Slowness::Response | Slowness::Export => socket.read(&mut [0; 1]).and_then(peeked_end),
        // The server sends nothing before it closes the connection, except a response 408.
        Slowness::SilentLaterHead => socket.read(&mut [0; 1]).and_then(|_| peeked_end(0)),
        Slowness::UnreadList | Slowness::UnreadExport => {
            socket.peek(&mut [0; 1]).and_then(peeked_end)
        }
    };
    match transferred {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// Returns what clients of this kind send at once.
fn prefix(slowness: Slowness, address: &str, secret: &str, large: &Batch) -> String {
    let body = large.body().to_string();
    let post = format!(
        "POST /devices HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: {}\r\nContent-Length: {}\r\n\r\n",
        large.key,
        body.len()
    );
    let get = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n\r\n")
    };
    match slowness {
        Slowness::Head | Slowness::LaterHead | Slowness::SilentLaterHead => {
            "POST /devices HTTP/1.1\r\nX-Slow: ".to_owned()
        }
        Slowness::Body => post,
        Slowness::Upload => format!(
            "POST /devices/import HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n--"
        ),
        Slowness::Response => post + &body,
        Slowness::Export | Slowness::UnreadExport => get("/devices/export"),
        Slowness::UnreadList => get("/devices?limit=100"),
    }
}
