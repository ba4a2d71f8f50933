//! State of a connection that its stream, its requests and the registry share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::ConnectionLimits;

/// A point in time, or none: milliseconds since [`ORIGIN`] plus one, or 0.
///
/// Requests and streams of a connection run on one thread. Other threads only read the times to
/// choose connections to close, so the order of the memory accesses does not matter.
#[derive(Debug, Default)]
pub(super) struct AtomicTime(AtomicU64);

/// Origin of all atomic times.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl AtomicTime {
    pub(super) fn get(&self) -> Option<Instant> {
        let since_origin = self.0.load(Relaxed).checked_sub(1)?;
        Some(*ORIGIN + Duration::from_millis(since_origin))
    }

    pub(super) fn set(&self, time: Instant) {
        let since_origin = time.saturating_duration_since(*ORIGIN).as_millis();
        self.0.store(since_origin as u64 + 1, Relaxed);
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Relaxed);
    }

    /// Sets the current time, unless a time is set.
    fn start(&self) {
        if self.0.load(Relaxed) == 0 {
            self.set(Instant::now());
        }
    }
}

/// State of an open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) id: u64,
    pub(super) network: IpAddr,
    /// Number of open connections of the network, this one included.
    pub(super) network_connections: Arc<AtomicUsize>,
    /// Time since which no request has been in progress.
    idle_since: AtomicTime,
    /// Time of the first byte of an incomplete head. For the first head of the connection, the time
    /// at which it was opened.
    head_since: AtomicTime,
    /// Time since which the handler has waited for the next part of the body.
    body_since: AtomicTime,
    /// Time since which the client has not read enough of its responses.
    pub(super) stalled_since: AtomicTime,
    /// Number of bytes that wait for the client to read.
    pub(super) unsent_bytes: AtomicUsize,
    is_evicted: AtomicBool,
    /// Has a permit once the client has closed its half of the connection.
    read_closed: Notify,
    /// Task of the connection.
    pub(super) waker: AtomicWaker,
}

impl Connection {
    pub(super) fn new(id: u64, network: IpAddr, network_connections: Arc<AtomicUsize>) -> Self {
        let connection = Self {
            id,
            network,
            network_connections,
            idle_since: AtomicTime::default(),
            head_since: AtomicTime::default(),
            body_since: AtomicTime::default(),
            stalled_since: AtomicTime::default(),
            unsent_bytes: AtomicUsize::new(0),
            is_evicted: AtomicBool::new(false),
            read_closed: Notify::new(),
            waker: AtomicWaker::new(),
        };
        connection.idle_since.start();
        // A client connects in order to send a request.
        connection.head_since.start();
        connection
    }

    /// Records that the head of a request is complete. The request ends when the guard is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> RequestGuard {
        self.idle_since.clear();
        self.head_since.clear();
        RequestGuard(Arc::clone(self))
    }

    /// Records that bytes arrived.
    pub(super) fn receive_bytes(&self) {
        // During a request, they belong to its body or to a pipelined request.
        if self.idle_since.0.load(Relaxed) != 0 {
            self.head_since.start();
        }
    }

    /// Records that the client sends nothing more.
    pub(super) fn close_read(&self) {
        self.read_closed.notify_one();
    }

    /// Waits until the client sends nothing more: it has disconnected, or has closed its half of
    /// the connection. At most one task may wait.
    pub(crate) async fn read_closed(&self) {
        self.read_closed.notified().await;
    }

    /// Records that the handler waits for the next part of the body.
    pub(crate) fn await_body(&self) {
        self.body_since.start();
    }

    /// Records that the handler does not wait for the body.
    pub(crate) fn end_body_wait(&self) {
        self.body_since.clear();
    }

    /// Returns `true` if the head timeout is running: since the connection was opened, or since the
    /// first byte of a later head.
    pub(super) fn awaits_head(&self) -> bool {
        self.head_since.get().is_some()
    }

    /// Returns the time at which the connection must have received the head of a request.
    pub(super) fn head_deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        let idle_since = self.idle_since.get()?;
        Some(match self.head_since.get() {
            Some(head_since) => head_since + limits.head_timeout,
            None => idle_since + limits.keep_alive,
        })
    }

    /// Returns the time since which the server has waited for the client, if it does.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let times = [&self.idle_since, &self.body_since, &self.stalled_since];
        times.into_iter().filter_map(AtomicTime::get).min()
    }

    /// Makes the task of the connection close it.
    pub(super) fn evict(&self) {
        self.is_evicted.store(true, Relaxed);
        self.waker.wake();
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.is_evicted.load(Relaxed)
    }
}

/// A request in progress on a connection.
pub(super) struct RequestGuard(Arc<Connection>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.body_since.clear();
        self.0.idle_since.start();
    }
}
