//! Connections of clients: deadlines, and limits of their number and memory.
//!
//! actix-http has a timeout for the head of the first request only
//! (<https://github.com/actix/actix-web/issues/928>), and none for writing. This module wraps the
//! socket of every connection instead ([`stream`]): each poll of the connection ends with a flush,
//! which checks the deadlines. [`listener`] reports when a request begins and when its response has
//! been handed to the socket. In between, a connection has no deadline for reading: the extractor
//! of the body has one of its own.

mod connection;
mod listener;
mod registry;
mod stream;
mod write_allowance;

use std::time::Duration;

pub(crate) use connection::Connection;
pub(crate) use listener::Listener;

use crate::settings::Settings;

/// Deadlines and limits of the connections of a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// Maximum number of open connections. Shortly before it is reached, the connections that have
    /// waited longest for their clients are closed.
    pub(crate) max_connections: usize,
    /// Time from the first byte of a head to its last. For the first head of a connection, the
    /// time starts with the connection.
    pub(crate) head_timeout: Duration,
    /// Time for which a connection without a request is kept open.
    pub(crate) keep_alive: Duration,
    /// Time in which a client may read nothing of its response.
    pub(crate) response_stall: Duration,
    /// Minimum rate at which a client must read a response.
    pub(crate) response_bytes_per_second: u64,
    /// Maximum number of bytes of responses that wait for their clients, over all connections.
    pub(crate) max_unsent_bytes: usize,
}

impl From<&Settings> for ConnectionLimits {
    fn from(settings: &Settings) -> Self {
        let Settings { server, limits, .. } = settings;
        Self {
            max_connections: server.max_connections,
            head_timeout: Duration::from_secs(server.head_timeout_seconds),
            keep_alive: Duration::from_secs(server.keep_alive_seconds),
            response_stall: Duration::from_secs(limits.response_stall_seconds),
            response_bytes_per_second: limits.response_bytes_per_second,
            max_unsent_bytes: limits.max_unsent_bytes,
        }
    }
}
