//! The HTTP server and its graceful shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::{HttpServer, web};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::http::bind::BindError;
use crate::http::routes::app;
use crate::http::state::State;
use crate::settings;

/// A server that is bound to its address and does not serve yet.
pub struct Server {
    running: actix_web::dev::Server,
    addresses: Vec<SocketAddr>,
    state: web::Data<State>,
    drain: Duration,
}

impl Server {
    /// Binds to the address in `settings`.
    ///
    /// # Errors
    /// If the address is in use, not local, or not permitted.
    pub fn bind(state: State, settings: &settings::Server) -> Result<Self, BindError> {
        let state = web::Data::from(Arc::new(state));
        let app_state = state.clone();
        let app = move || app(app_state.clone());
        let bound = HttpServer::new(app)
            .disable_signals()
            .shutdown_timeout(settings.shutdown_seconds)
            .client_request_timeout(Duration::from_secs(10))
            .bind((settings.host.as_str(), settings.port))
            .map_err(|cause| {
                BindError::new(&settings.host, settings.port, cause, "DEVICES__SERVER")
            })?;
        let addresses = bound.addrs();
        Ok(Self {
            running: bound.run(),
            addresses,
            state,
            drain: Duration::from_secs(settings.drain_seconds),
        })
    }

    /// Returns the addresses that it is bound to.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
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
            tracing::info!("stopping: completing the requests in flight");
            self.state.is_stopping.store(true, Ordering::Release);
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

/// Waits for the first of two signals.
async fn first_of(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
