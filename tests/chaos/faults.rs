//! Faults of a server, of its PostgreSQL and of the connections between them.

use std::time::{Duration, Instant};

use devices_tests::{Cluster, Proxy, ProxyMode, ServerProcess};
use rand::seq::SliceRandom;

/// Fault injected under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// Kills the server.
    Server,
    /// Kills a PostgreSQL backend that serves a connection; PostgreSQL then recovers.
    Backend,
    /// Kills the postmaster and all its children.
    Database,
    /// Cuts a connection before PostgreSQL receives COMMIT.
    BeforeCommit,
    /// Cuts a connection while PostgreSQL commits.
    DuringCommit,
    /// Cuts a connection after PostgreSQL has committed.
    AfterCommit,
    /// Cuts a connection after PostgreSQL has committed, and blocks all others for a while.
    AfterCommitWithOutage,
}

impl Fault {
    /// Returns 100 kills of the server, 30 of a backend, 30 of the database and 80 cut connections,
    /// scaled by `share`, in random order.
    pub(crate) fn shuffled(share: impl Fn(usize) -> usize) -> Vec<Self> {
        let mut faults = Vec::new();
        for (fault, count) in [
            (Self::Server, 100),
            (Self::Backend, 30),
            (Self::Database, 30),
            (Self::BeforeCommit, 20),
            (Self::DuringCommit, 20),
            (Self::AfterCommit, 20),
            (Self::AfterCommitWithOutage, 20),
        ] {
            faults.extend(std::iter::repeat_n(fault, share(count)));
        }
        faults.shuffle(&mut rand::rng());
        faults
    }
}

/// A server that reaches PostgreSQL through a proxy.
pub(crate) struct FaultyService<'a> {
    cluster: &'a Cluster,
    proxy: Proxy,
    service: ServerProcess,
}

impl<'a> FaultyService<'a> {
    pub(crate) fn start(cluster: &'a Cluster) -> Self {
        let proxy = Proxy::new(cluster.server_address(), cluster.url());
        let service = ServerProcess::start(proxy.url(), &[]);
        Self {
            cluster,
            proxy,
            service,
        }
    }

    /// Address of the server, which changes when the server is repaired.
    pub(crate) fn address(&self) -> &str {
        self.service.address()
    }

    pub(crate) fn inject(&mut self, fault: Fault) {
        let cut = |mode| {
            self.proxy.set_mode(mode);
            // Wait until a connection has sent COMMIT and is cut.
            let deadline = Instant::now() + Duration::from_secs(10);
            while self.proxy.mode() == mode {
                assert!(Instant::now() < deadline, "no connection commits");
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        match fault {
            Fault::Server => self.service.kill(),
            Fault::Backend => while !self.cluster.kill_backend() {},
            Fault::Database => self.cluster.kill(),
            Fault::BeforeCommit => cut(ProxyMode::DisconnectBeforeCommit),
            Fault::DuringCommit => cut(ProxyMode::DisconnectDuringCommit),
            Fault::AfterCommit => cut(ProxyMode::DisconnectAfterCommit {
                stay_disconnected: false,
            }),
            Fault::AfterCommitWithOutage => cut(ProxyMode::DisconnectAfterCommit {
                stay_disconnected: true,
            }),
        }
    }

    /// Starts again what a fault stopped.
    pub(crate) fn repair(&mut self, fault: Fault) {
        self.proxy.set_mode(ProxyMode::Forward);
        if fault == Fault::Database {
            self.cluster.start();
        }
        if fault == Fault::Server {
            self.service = ServerProcess::start(self.proxy.url(), &[]);
        }
    }
}
