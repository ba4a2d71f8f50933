//! Registry of the open connections. Closes some of them before a limit is reached.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ConnectionLimits;
use super::connection::Connection;
use crate::http::limits::client_network::client_network;

/// Open connections of a listener, over all its workers.
#[derive(Debug)]
pub(super) struct Registry {
    /// Name of the listener, for the metrics.
    listener: &'static str,
    pub(super) limits: ConnectionLimits,
    open: Mutex<OpenConnections>,
    /// Sum over all connections that are not evicted.
    unsent_bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct OpenConnections {
    last_id: u64,
    by_id: HashMap<u64, Arc<Connection>>,
    /// Number of connections of each network.
    networks: HashMap<IpAddr, Arc<AtomicUsize>>,
}

impl Registry {
    pub(super) fn new(listener: &'static str, limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            listener,
            limits,
            open: Mutex::default(),
            unsent_bytes: AtomicUsize::new(0),
        })
    }

    /// Adds a connection. Closes others if few more can be opened.
    pub(super) fn add(&self, client: Option<IpAddr>) -> Arc<Connection> {
        let network = client_network(client.unwrap_or(Ipv4Addr::UNSPECIFIED.into()));
        let max = self.limits.max_connections;
        let mut open = self.open();
        if open.by_id.len() >= max - max / 16 {
            // Several at once: choosing them takes time in proportion to the open connections.
            open.evict_waiting(max.div_ceil(64));
        }
        let network_connections = Arc::clone(open.networks.entry(network).or_default());
        network_connections.fetch_add(1, Relaxed);
        open.last_id += 1;
        let id = open.last_id;
        let connection = Arc::new(Connection::new(id, network, network_connections));
        open.by_id.insert(id, Arc::clone(&connection));
        self.set_gauge(open.by_id.len());
        connection
    }

    /// Removes a connection.
    pub(super) fn remove(&self, connection: &Connection) {
        // Also for an evicted connection, which may have blocked again before it noticed.
        let unsent = connection.unsent_bytes.swap(0, Relaxed);
        self.unsent_bytes.fetch_sub(unsent, Relaxed);
        let mut open = self.open();
        open.by_id.remove(&connection.id);
        if connection.network_connections.fetch_sub(1, Relaxed) == 1 {
            open.networks.remove(&connection.network);
        }
        self.set_gauge(open.by_id.len());
    }

    /// Sets the number of bytes that wait for the client. Closes the connections that have stalled
    /// longest if the sum of all connections exceeds its limit.
    pub(super) fn set_unsent_bytes(&self, connection: &Connection, bytes: usize) {
        if connection.is_evicted() {
            return;
        }
        let before = connection.unsent_bytes.swap(bytes, Relaxed);
        // Wraps around if the number decreases.
        let change = bytes.wrapping_sub(before);
        let sum = self
            .unsent_bytes
            .fetch_add(change, Relaxed)
            .wrapping_add(change);
        if bytes > before && sum > self.limits.max_unsent_bytes {
            let excess = sum - self.limits.max_unsent_bytes / 8 * 7;
            let evicted = self.open().evict_stalled(excess);
            self.unsent_bytes.fetch_sub(evicted, Relaxed);
        }
    }

    /// Counts a connection that the server closed.
    pub(super) fn count_closed(&self, reason: &'static str) {
        metrics::counter!(
            "devices_connections_closed_total",
            "listener" => self.listener, "reason" => reason
        )
        .increment(1);
    }

    fn set_gauge(&self, open: usize) {
        metrics::gauge!("devices_connections", "listener" => self.listener).set(open as f64);
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        // No code that holds the lock can panic half-way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnections {
    /// Closes connections that wait for their clients: first those of the network with most
    /// connections, and among these the ones that have waited longest.
    fn evict_waiting(&self, count: usize) {
        let mut waiting: Vec<_> = self
            .by_id
            .values()
            .filter(|connection| !connection.is_evicted())
            .filter_map(|connection| Some((connection.waiting_since()?, connection)))
            .map(|(since, connection)| {
                let order = (Reverse(connection.network_connections.load(Relaxed)), since);
                (order, connection)
            })
            .collect();
        if (1..waiting.len()).contains(&count) {
            waiting.select_nth_unstable_by_key(count - 1, |(order, _)| *order);
        }
        for (_, connection) in waiting.into_iter().take(count) {
            connection.evict();
        }
    }

    /// Closes the connections that have stalled longest, until they held at least `bytes` unsent
    /// bytes in total. One stalled connection remains: a single response may exceed the limit.
    /// Returns the number of bytes.
    fn evict_stalled(&self, bytes: usize) -> usize {
        let mut stalled: Vec<_> = self
            .by_id
            .values()
            .filter(|connection| !connection.is_evicted())
            .filter_map(|connection| Some((connection.stalled_since.get()?, connection)))
            .collect();
        stalled.sort_unstable_by_key(|(since, connection)| (*since, connection.id));
        stalled.pop();
        let mut evicted = 0;
        for (_, connection) in stalled {
            if evicted >= bytes {
                break;
            }
            connection.evict();
            evicted += connection.unsent_bytes.swap(0, Relaxed);
        }
        evicted
    }
}
