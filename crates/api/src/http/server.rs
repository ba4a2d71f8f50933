//! Listening, serving, and stopping in good order.

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

/// A server that listens and does not serve yet.
pub struct Server {
    running: actix_web::dev::Server,
    addresses: Vec<SocketAddr>,
    state: web::Data<State>,
    drain: Duration,
}

impl Server {
    /// Listens where `settings` say.
    ///
    /// # Errors
    /// Where the address is taken, not this machine's, or not allowed.
    pub fn bind(state: State, settings: &settings::Server) -> Result<Self, BindError> {
        let state = web::Data::from(Arc::new(state));
        let served = state.clone();
        let app = move || app(served.clone());
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

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until SIGTERM or Ctrl-C. Then `/readyz` says no, for as long as proxies need to
    /// notice; then nothing new is taken, and requests that are under way are carried to their
    /// end. A second signal does not wait for them: the process ends with 1.
    ///
    /// # Errors
    /// Where the operating system refuses to be listened to.
    pub async fn run(self) -> std::io::Result<()> {
        let mut terminated = signal(SignalKind::terminate())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let handle = self.running.handle();
        actix_web::rt::spawn(async move {
            any(&mut terminated, &mut interrupted).await;
            tracing::info!("stopping: requests under way are carried to their end");
            self.state.is_stopping.store(true, Ordering::Release);
            let stopping = async {
                tokio::time::sleep(self.drain).await;
                handle.stop(true).await;
            };
            tokio::select! {
                () = stopping => {}
                () = any(&mut terminated, &mut interrupted) => {
                    // A server that stops in good order cannot be told to hurry. What is under way
                    // in the database is rolled back with its connection.
                    tracing::warn!("stopping at once");
                    std::process::exit(1);
                }
            }
        });
        self.running.await?;
        tracing::info!("stopped");
        Ok(())
    }
}

async fn any(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
