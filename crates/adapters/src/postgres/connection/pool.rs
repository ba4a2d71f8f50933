//! The connections of a pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types::Integer;
use diesel::{Connection, RunQueryDsl};
use r2d2::ManageConnection;

use crate::postgres::connection::connect::{ConnectError, establish};
use crate::postgres::connection::error::classify;
use crate::postgres::connection::options::{DatabaseOptions, SessionSettings};
use crate::postgres::connection::session;
use crate::postgres::connection::trace::TraceStatements;

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
    /// PID of the PostgreSQL backend. `None` behind a pooler, where each transaction may have
    /// another one.
    pub(crate) backend_pid: Option<i32>,
    /// `true` if a statement failed since the connection was taken from the pool.
    has_failed: Arc<AtomicBool>,
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
        let has_failed = Arc::<AtomicBool>::default();
        connection.set_instrumentation(WatchStatements {
            has_failed: Arc::clone(&has_failed),
        });
        let backend_pid = if keeps_statements(self.options.session) {
            let pid = diesel::dsl::sql::<Integer>("pg_backend_pid()");
            Some(diesel::select(pid).get_result(&mut connection)?)
        } else {
            None
        };
        Ok(PooledConnection {
            connection,
            backend_pid,
            has_failed,
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
        // Diesel does not notice that a connection was lost outside a transaction.
        let has_failed = pooled.has_failed.swap(false, Ordering::Relaxed);
        let is_broken =
            pooled.connection.is_broken() || (has_failed && pooled.connection.ping().is_err());
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

/// Remembers that a statement has failed, beside [`TraceStatements`].
struct WatchStatements {
    has_failed: Arc<AtomicBool>,
}

impl Instrumentation for WatchStatements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery { error: Some(_), .. } = &event {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        TraceStatements.on_connection_event(event);
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
