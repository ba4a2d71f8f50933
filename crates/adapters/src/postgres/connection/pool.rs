//! Connections that are kept.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::{CacheSize, Instrumentation, InstrumentationEvent};
use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use r2d2::ManageConnection;

use crate::postgres::connection::connect::ConnectError;
use crate::postgres::connection::database::{DatabaseOptions, classify};
use crate::postgres::connection::session;

/// Makes connections to a database, and looks after them.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) url: String,
    pub(crate) options: DatabaseOptions,
    /// When one was last found to be lost: those that were used before may be, too.
    pub(crate) lost: Mutex<Option<Instant>>,
}

/// A connection of a pool.
pub(crate) struct Kept {
    pub(crate) connection: PgConnection,
    last_used: Instant,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    NoConnection(#[from] ConnectError),
    #[error("{0}")]
    Failed(#[from] diesel::result::Error),
    #[error("{0}")]
    NotStored(String),
}

/// For how long a connection is taken to be as well as it was when it was last used. To ask each time would
/// take as long as finding a key does; whoever is the first to get one that was lost within this time is told
/// to come again.
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
        if let Some(remedy) = session::prepare(&mut connection, &self.options)? {
            return Err(Error::NotStored(remedy));
        }
        Ok(Kept {
            connection,
            last_used: Instant::now(),
        })
    }

    fn is_valid(&self, kept: &mut Kept) -> Result<(), Error> {
        let is_trusted = kept.last_used.elapsed() < TRUSTED
            && self.lost().is_none_or(|lost| lost < kept.last_used);
        match is_trusted {
            true => Ok(()),
            false => Ok(kept.connection.ping()?),
        }
    }

    fn has_broken(&self, kept: &mut Kept) -> bool {
        kept.last_used = Instant::now();
        let is_broken = kept.connection.is_broken();
        if is_broken {
            *self.lost() = Some(kept.last_used);
        }
        std::thread::panicking() || is_broken
    }
}

impl Connections {
    fn lost(&self) -> MutexGuard<'_, Option<Instant>> {
        // An instant is whole, whoever panicked with it.
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
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
pub(crate) struct LogErrors;

impl r2d2::HandleError<Error> for LogErrors {
    fn handle_error(&self, error: Error) {
        let error = match error {
            Error::NoConnection(error) => error.to_string(),
            Error::Failed(error) => classify(error).to_string(),
            Error::NotStored(remedy) => remedy,
        };
        tracing::warn!(error, "no connection to the database");
    }
}
