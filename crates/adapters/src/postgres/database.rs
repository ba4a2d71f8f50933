//! Connections: a pool, and blocking threads to use it on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use devices_domain::{RepositoryError, StoreHealth};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use diesel::{Connection, RunQueryDsl};
use tokio::sync::Semaphore;

/// How the database is used.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// The most connections held at once; as many statements run at once.
    pub pool_size: u32,
    /// How long a caller waits for a free connection before it is told that there is none.
    pub pool_wait: Duration,
    /// After how long the server ends a statement.
    pub statement_timeout: Duration,
}

/// A database that could not be reached, or is no use.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none.
    #[error(
        "the URL is no PostgreSQL URL; it looks like postgres://user:password@host:5432/database, \
         with other characters than letters and digits percent-encoded in user and password"
    )]
    NoUrl,
    /// No connection.
    #[error("{0}")]
    Refused(String),
    /// It does not store Unicode.
    #[error("its encoding is {0}, and must be UTF8")]
    NotUnicode(String),
    /// It answered with an error.
    #[error("{0}")]
    Failed(#[from] DieselError),
}

impl From<ConnectionError> for ConnectError {
    /// What libpq says of a URL that it cannot read repeats parts of it, a password among them.
    /// What it says of a server that it asked does not, and names the server.
    fn from(error: ConnectionError) -> Self {
        let message = error.to_string();
        let asked = [
            "connection to server",
            "could not connect",
            "could not translate",
            "FATAL:",
        ];
        match asked.iter().any(|words| message.contains(words)) {
            true => Self::Refused(message.trim_end().to_owned()),
            false => Self::NoUrl,
        }
    }
}

/// A connection of one's own, beside the pool.
pub(super) fn connect(url: &str) -> Result<PgConnection, ConnectError> {
    Ok(PgConnection::establish(&with_deadline(url))?)
}

/// The URL with an end to the wait for a server that does not answer: libpq would wait for ever.
fn with_deadline(url: &str) -> String {
    const PARAMETER: &str = "connect_timeout";
    const SECONDS: u32 = 5;
    if url.contains(PARAMETER) {
        return url.to_owned();
    }
    let separator = match (url.contains("://"), url.contains('?')) {
        (true, true) => '&',
        (true, false) => '?',
        (false, _) => ' ',
    };
    format!("{url}{separator}{PARAMETER}={SECONDS}")
}

/// A pool of connections, used on blocking threads only; clones share it.
///
/// Connections are made when they are needed and again after they were lost, so that a database
/// that was away for a while needs no restart of this program.
#[derive(Clone)]
pub struct Database {
    pool: Pool<ConnectionManager<PgConnection>>,
    permits: Arc<Semaphore>,
    wait: Duration,
}

impl Database {
    /// A pool that connects to `url` when it is first used.
    pub fn new(url: &str, options: &DatabaseOptions) -> Self {
        let pool = Pool::builder()
            .max_size(options.pool_size)
            .min_idle(Some(0))
            .connection_timeout(options.pool_wait)
            .connection_customizer(Box::new(SessionSettings {
                statement_timeout: options.statement_timeout,
            }))
            .error_handler(Box::new(LogConnectionErrors))
            .build_unchecked(ConnectionManager::new(with_deadline(url)));
        Self {
            pool,
            permits: Arc::new(Semaphore::new(options.pool_size as usize)),
            wait: options.pool_wait,
        }
    }

    /// Connects once, without the pool, to say at start what is wrong with a database.
    ///
    /// # Errors
    /// Where there is no connection, or the database does not store Unicode.
    pub fn probe(url: &str) -> Result<(), ConnectError> {
        let mut connection = connect(url)?;
        let encoding: String = diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>(
            "current_setting('server_encoding')",
        ))
        .get_result(&mut connection)?;
        match encoding.as_str() {
            "UTF8" => Ok(()),
            _ => Err(ConnectError::NotUnicode(encoding)),
        }
    }

    /// Runs `work` with a connection on a blocking thread; as many run at once as there are
    /// connections. Work that has begun is carried to its end, also when the caller goes away.
    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let permit = tokio::time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|closed| RepositoryError::Failed(closed.into()))?;
        let pool = self.pool.clone();
        let finished = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut connection: PooledConnection<_> = pool
                .get()
                .map_err(|error| RepositoryError::Unavailable(error.into()))?;
            work(&mut connection)
        })
        .await;
        finished.map_err(|panicked| RepositoryError::Failed(panicked.into()))?
    }
}

#[async_trait]
impl StoreHealth for Database {
    async fn ping(&self) -> Result<(), RepositoryError> {
        self.run(|connection| connection.batch_execute("SELECT 1").map_err(classify))
            .await
    }
}

fn busy() -> RepositoryError {
    RepositoryError::Unavailable("every connection was in use for too long".into())
}

/// What a Diesel error means to the ports. Whoever runs a query that can break a constraint names
/// that case before it comes here.
pub(super) fn classify(error: DieselError) -> RepositoryError {
    match error {
        DieselError::DatabaseError(kind, information) => {
            // The primary message only: DETAIL holds customers' values.
            let message = information.message().to_owned();
            let passing = matches!(
                kind,
                DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::ReadOnlyTransaction
                    | DatabaseErrorKind::UnableToSendCommand
            );
            if passing || is_timeout(&message) {
                RepositoryError::Unavailable(message.into())
            } else {
                RepositoryError::Failed(message.into())
            }
        }
        DieselError::BrokenTransactionManager => RepositoryError::Unavailable(error.into()),
        error => RepositoryError::Failed(error.into()),
    }
}

/// What was inserted, or `None` where the unique `constraint` says that there is one like it.
pub(super) fn unless_taken<T>(
    inserted: Result<T, DieselError>,
    constraint: &str,
) -> Result<Option<T>, RepositoryError> {
    match inserted {
        Ok(row) => Ok(Some(row)),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, information))
            if information.constraint_name() == Some(constraint) =>
        {
            Ok(None)
        }
        Err(error) => Err(classify(error)),
    }
}

/// Whether the server ended a statement that took too long. Diesel keeps no SQLSTATE (57014,
/// 55P03), so the server's words must do.
fn is_timeout(message: &str) -> bool {
    message.starts_with("canceling statement due to")
}

#[derive(Debug)]
struct SessionSettings {
    statement_timeout: Duration,
}

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for SessionSettings {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        // A plan is made for the values and the size of the table at hand: one that was kept from
        // when the table was small reads all of it for every row of a batch.
        connection
            .batch_execute(&format!(
                "SET statement_timeout = {}; SET plan_cache_mode = force_custom_plan",
                self.statement_timeout.as_millis()
            ))
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

#[derive(Debug)]
struct LogConnectionErrors;

impl r2d2::HandleError<diesel::r2d2::Error> for LogConnectionErrors {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        let error = match error {
            diesel::r2d2::Error::ConnectionError(error) => ConnectError::from(error).to_string(),
            diesel::r2d2::Error::QueryError(error) => classify(error).to_string(),
        };
        tracing::warn!(error, "no connection to the database");
    }
}
