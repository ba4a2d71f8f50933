//! Connections: a pool, and blocking threads to use it on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use devices_domain::{RepositoryError, StoreHealth};
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use tokio::sync::Semaphore;

use super::connect::{ConnectError, connect, with_parameters};

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

/// A pool of connections, used on blocking threads only; clones share it.
///
/// Connections are made when they are needed and again after they were lost, so that a database
/// that was away for a while needs no restart of this program.
#[derive(Clone)]
pub struct Database {
    pool: Pool<ConnectionManager<PgConnection>>,
    permits: Arc<Semaphore>,
    wait: Duration,
    patience: Duration,
}

impl Database {
    /// A pool that connects to `url` when it is first used.
    ///
    /// # Errors
    /// Where `url` is none.
    pub fn new(url: &str, options: &DatabaseOptions) -> Result<Self, ConnectError> {
        let pool = Pool::builder()
            .max_size(options.pool_size)
            .min_idle(Some(0))
            .connection_timeout(options.pool_wait)
            .connection_customizer(Box::new(SessionSettings {
                statement_timeout: options.statement_timeout,
            }))
            .error_handler(Box::new(LogConnectionErrors))
            .build_unchecked(ConnectionManager::new(with_parameters(url)?));
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(options.pool_size as usize)),
            wait: options.pool_wait,
            patience: options.pool_wait + options.statement_timeout * 2,
        })
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
    /// connections. Work that has begun is carried to its end, also when the caller goes away, and
    /// when he is told that the server gave no answer: one that hangs does not end its statements.
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
        let working = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut connection: PooledConnection<_> = pool
                .get()
                .map_err(|error| RepositoryError::Unavailable(error.into()))?;
            work(&mut connection)
        });
        let finished = tokio::time::timeout(self.patience, working)
            .await
            .map_err(|_| RepositoryError::Unavailable("the server gave no answer".into()))?;
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
                    | DatabaseErrorKind::SerializationFailure
                    | DatabaseErrorKind::UnableToSendCommand
            );
            if passing || is_passing(&message) {
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

/// Whether the server ended a statement that took too long, or that waited for one that waited for
/// it. Diesel keeps no SQLSTATE (57014, 55P03, 40P01), so the server's English words must do.
fn is_passing(message: &str) -> bool {
    message.starts_with("canceling statement due to") || message == "deadlock detected"
}

#[derive(Debug)]
struct SessionSettings {
    statement_timeout: Duration,
}

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for SessionSettings {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        // A plan is made for the values and the size of the table at hand: one that was kept from
        // when the table was small reads all of it for every row of a batch. Whoever loses a race
        // must see the winner, whatever isolation the database has for its default.
        connection
            .batch_execute(&format!(
                "SET statement_timeout = {}; SET plan_cache_mode = force_custom_plan; \
                 SET default_transaction_isolation = 'read committed'",
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
