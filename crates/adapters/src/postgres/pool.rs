//! Connections that are kept.

use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use r2d2::ManageConnection;

use super::connect::ConnectError;
use super::database::classify;
use super::role::SERVING_ROLE;

/// Makes connections to a database, and looks after them.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) url: String,
    /// After how long the server ends a statement.
    pub(super) statement_timeout: Duration,
    /// After how long the server ends a statement that waits for another transaction.
    pub(super) lock_timeout: Duration,
    /// Whether they give up every right but those of [`SERVING_ROLE`].
    pub(super) serve_only: bool,
}

/// A connection of a pool.
pub(super) struct Kept {
    pub(super) connection: PgConnection,
    last_used: Instant,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0}")]
    NoConnection(#[from] ConnectError),
    #[error("{0}")]
    Failed(#[from] diesel::result::Error),
}

/// For how long a connection is taken to be as well as it was when it was last used. To ask each time would
/// take as long as finding a key does; whoever gets one that was lost within this time is told to come
/// again.
const TRUSTED: Duration = Duration::from_secs(1);

impl ManageConnection for Connections {
    type Connection = Kept;
    type Error = Error;

    fn connect(&self) -> Result<Kept, Error> {
        let mut connection = PgConnection::establish(&self.url).map_err(ConnectError::from)?;
        // A plan is made for the values and the size of the table at hand: one that was kept from when the
        // table was small reads all of it for every row of a batch. Not by plan_cache_mode: PostgreSQL
        // would plan its checks of foreign keys anew for each row, too.
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        connection.set_instrumentation(TraceStatements);
        connection.batch_execute(&self.settings())?;
        Ok(Kept {
            connection,
            last_used: Instant::now(),
        })
    }

    fn is_valid(&self, kept: &mut Kept) -> Result<(), Error> {
        match kept.last_used.elapsed() < TRUSTED {
            true => Ok(()),
            false => Ok(kept.connection.ping()?),
        }
    }

    fn has_broken(&self, kept: &mut Kept) -> bool {
        kept.last_used = Instant::now();
        std::thread::panicking() || kept.connection.is_broken()
    }
}

impl Connections {
    /// What holds for a session.
    fn settings(&self) -> String {
        // No statement here runs for so long that compiling it pays. Whoever loses a race must see the winner,
        // whatever isolation the database has for its default. A transaction whose client is gone without a
        // word ends, and its locks with it.
        let mut settings = format!(
            "SET statement_timeout = {0}; SET lock_timeout = {1}; \
             SET idle_in_transaction_session_timeout = {0}; \
             SET jit = off; SET default_transaction_isolation = 'read committed'",
            self.statement_timeout.as_millis(),
            self.lock_timeout.as_millis(),
        );
        if self.serve_only {
            settings.push_str(&format!("; SET ROLE {SERVING_ROLE}"));
        }
        settings
    }
}

/// Writes statements to the log at the level TRACE, without the values they are run with.
struct TraceStatements;

impl Instrumentation for TraceStatements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if !tracing::enabled!(tracing::Level::TRACE) {
            return;
        }
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let (statement, _values) = text.split_once("-- binds:").unwrap_or((&text, ""));
            tracing::trace!(statement = statement.trim_end(), "statement");
        }
    }
}

/// Writes to the log why there is no connection.
#[derive(Debug)]
pub(super) struct LogErrors;

impl r2d2::HandleError<Error> for LogErrors {
    fn handle_error(&self, error: Error) {
        let error = match error {
            Error::NoConnection(error) => error.to_string(),
            Error::Failed(error) => classify(error).to_string(),
        };
        tracing::warn!(error, "no connection to the database");
    }
}
