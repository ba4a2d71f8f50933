//! The HTTP server and its graceful shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::web;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::http::bind::BindError;
use crate::http::connections::{ConnectionLimits, Listener};
use crate::http::metrics::UpdateGauges;
use crate::http::routes::app;
use crate::http::state::State;
use crate::settings::Settings;

/// A server that is bound to its address and does not serve yet.
pub struct Server {
    running: actix_web::dev::Server,
    addresses: Vec<SocketAddr>,
    state: web::Data<State>,
    drain: Duration,
}

impl Server {
    /// Binds to the address in `settings`. Keeps the number of connections below the limit of open
    /// files of the process.
    ///
    /// # Errors
    /// If the address is in use, not local, or not permitted.
    pub fn bind(state: State, settings: &Settings, max_open_files: u64) -> Result<Self, BindError> {
        let state = web::Data::from(Arc::new(state));
        let app_state = state.clone();
        let app = move || app(app_state.clone());
        let limits = ConnectionLimits {
            max_connections: max_connections(settings, max_open_files),
            ..ConnectionLimits::from(settings)
        };
        let server = &settings.server;
        let bind = || {
            let listener = Listener::bind("api", &server.host, server.port, limits)?;
            let addresses = listener.addresses();
            let running = listener.serve(usize::MAX, server.shutdown_seconds, app)?;
            Ok((running, addresses))
        };
        let (running, addresses) =
            bind().map_err(|cause| BindError::new(server.port, cause, "DEVICES__SERVER"))?;
        Ok(Self {
            running,
            addresses,
            state,
            drain: Duration::from_secs(server.drain_seconds),
        })
    }

    /// Returns the addresses that it is bound to.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns a function that records how many of its limited resources are in use.
    pub fn usage(&self) -> UpdateGauges {
        let state = self.state.clone();
        Arc::new(move || state.record_usage())
    }

    /// Serves until SIGTERM or Ctrl-C, then shuts down gracefully: `/readyz` returns 503 during
    /// the drain period, so that load balancers notice; then the server accepts no more connections
    /// and completes the requests in flight. A second signal ends the process at once, with exit
    /// code 1.
    ///
    /// # Errors
    /// If the operating system does not allow listening for signals.
    pub async fn run(self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let handle = self.running.handle();
        actix_web::rt::spawn(async move {
            first_of(&mut terminate, &mut interrupt).await;
            // Stored before the line is logged, so that `/readyz` already returns 503 when it
            // appears.
            self.state.is_stopping.store(true, Ordering::Release);
            // They would delay the stop by up to a minute.
            self.state.event_waits.close();
            tracing::info!("stopping: completing the requests in flight");
            let stopping = async {
                tokio::time::sleep(self.drain).await;
                handle.stop(true).await;
            };
            tokio::select! {
                () = stopping => {}
                () = first_of(&mut terminate, &mut interrupt) => {
                    // A graceful stop of actix cannot be turned into an immediate one. PostgreSQL
                    // rolls back open transactions when their connections close.
                    tracing::warn!("second signal: exiting at once");
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "destructors would wait for the requests in progress"
                    )]
                    std::process::exit(1);
                }
            }
        });
        self.running.await?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Number of files that the process opens besides the connections of clients and of the pool:
/// listening sockets, log, metrics, workers.
const OTHER_FILES: u64 = 256;

/// Minimum number of connections, even if the files do not suffice.
const MIN_CONNECTIONS: u64 = 16;

/// Returns the maximum number of connections: that of the settings, or less if the process may not
/// open so many files.
fn max_connections(settings: &Settings, max_open_files: u64) -> usize {
    let configured = settings.server.max_connections;
    let used = OTHER_FILES + u64::from(settings.database.pool_size);
    let available = max_open_files.saturating_sub(used).max(MIN_CONNECTIONS);
    if available >= configured as u64 {
        return configured;
    }
    tracing::warn!(
        max_open_files,
        max_connections = available,
        "the limit of open files is too low for DEVICES__SERVER__MAX_CONNECTIONS={configured}: \
         raise it (ulimit -n, LimitNOFILE=)"
    );
    available as usize
}

/// Waits for the first of two signals.
async fn first_of(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_bound_the_connections() {
        let url = ("DEVICES__DATABASE__URL", "postgres://nowhere/devices");
        let settings = Settings::for_environment("test", &[url]).unwrap();
        let max_for = |max_open_files| max_connections(&settings, max_open_files);
        assert_eq!(max_for(1 << 20), 4_096);
        assert_eq!(max_for(1_024), 1_024 - 256 - 10);
        assert_eq!(max_for(100), 16);
    }
}
