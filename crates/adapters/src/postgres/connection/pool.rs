//! The connections of a pool.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use r2d2::ManageConnection;

use crate::postgres::connection::connect::{ConnectError, establish};
use crate::postgres::connection::error::classify;
use crate::postgres::connection::options::{DatabaseOptions, SessionSettings};
use crate::postgres::connection::session;

/// Establishes the connections of a pool, and detects lost ones.
pub(crate) struct ConnectionManager {
    /// May contain a password.
    url: String,
    options: DatabaseOptions,
    /// Time at which a connection was last found to be lost. Connections last used before then may
    /// be lost, too.
    last_loss: Mutex<Option<Instant>>,
}

/// A connection of a pool.
pub(crate) struct PooledConnection {
    pub(crate) connection: PgConnection,
    last_used: Instant,
    /// Time at which the connection last had no plans of prepared statements.
    plans_since: Instant,
}

/// Reason why the pool could not establish or check a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Query(#[from] diesel::result::Error),
    /// Session settings are missing from the role. Contains the statements that add them.
    #[error("{0}")]
    MissingSettings(String),
}

/// Time during which a used connection counts as intact without a check. A check before every use
/// would take as long as an API key look-up. If a connection is lost within this time, the first
/// caller to get it receives a retryable error.
const VALIDITY: Duration = Duration::from_secs(1);

impl ConnectionManager {
    pub(crate) fn new(url: String, options: DatabaseOptions) -> Self {
        Self {
            url,
            options,
            last_loss: Mutex::default(),
        }
    }

    fn last_loss(&self) -> MutexGuard<'_, Option<Instant>> {
        // No panic can leave an `Option<Instant>` half-written.
        self.last_loss
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ManageConnection for ConnectionManager {
    type Connection = PooledConnection;
    type Error = PoolError;

    fn connect(&self) -> Result<PooledConnection, PoolError> {
        let mut connection = establish(&self.url)?;
        if !keeps_statements(self.options.session) {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        if let Some(instructions) = session::prepare(&mut connection, &self.options)? {
            return Err(PoolError::MissingSettings(instructions));
        }
        Ok(PooledConnection {
            connection,
            last_used: Instant::now(),
            plans_since: Instant::now(),
        })
    }

    fn is_valid(&self, pooled: &mut PooledConnection) -> Result<(), PoolError> {
        let options = &self.options;
        let is_outdated = pooled.plans_since.elapsed() >= options.plan_lifetime;
        if keeps_statements(options.session) && is_outdated {
            pooled.plans_since = Instant::now();
            return Ok(pooled.connection.batch_execute("DISCARD PLANS")?);
        }
        let is_recently_used = pooled.last_used.elapsed() < VALIDITY
            && self.last_loss().is_none_or(|loss| loss < pooled.last_used);
        if is_recently_used {
            Ok(())
        } else {
            Ok(pooled.connection.ping()?)
        }
    }

    fn has_broken(&self, pooled: &mut PooledConnection) -> bool {
        pooled.last_used = Instant::now();
        let is_broken = pooled.connection.is_broken();
        if is_broken {
            *self.last_loss() = Some(pooled.last_used);
        }
        std::thread::panicking() || is_broken
    }
}

/// Returns whether connections keep prepared statements (ADR 34). Only a connection that has its
/// session to itself can: behind a transaction pooler, the next transaction may run in another
/// session, where the statement does not exist.
fn keeps_statements(session: SessionSettings) -> bool {
    match session {
        SessionSettings::PerConnection { .. } => true,
        SessionSettings::PerRole | SessionSettings::Unmanaged => false,
    }
}

/// Logs why the pool could not establish a connection.
#[derive(Debug)]
pub(crate) struct LogPoolErrors;

impl r2d2::HandleError<PoolError> for LogPoolErrors {
    fn handle_error(&self, error: PoolError) {
        tracing::warn!(error = describe(error), "cannot connect to the database");
    }
}

/// Returns the message of an error without DETAIL, which contains customer values.
pub(crate) fn describe(error: PoolError) -> String {
    match error {
        PoolError::Connect(error) => error.to_string(),
        PoolError::Query(error) => classify(error).to_string(),
        PoolError::MissingSettings(instructions) => instructions,
    }
}
