//! Connections: a pool, and blocking threads to use it on.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use devices_domain::{RepositoryError, StoreHealth};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Bool};
use diesel::{QueryResult, QueryableByName, RunQueryDsl};
use r2d2::Pool;
use tokio::sync::Semaphore;

use crate::postgres::connection::connect::{ConnectError, connect, with_parameters};
use crate::postgres::connection::pool::{Connections, LogErrors};
use crate::postgres::connection::session::SessionSettings;

/// How the database is used.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// The most connections held at once; as many statements run at once.
    pub pool_size: u32,
    /// How long a caller waits for a free connection before it is told that there is none.
    pub pool_timeout: Duration,
    /// After how long the server ends a statement.
    pub statement_timeout: Duration,
    /// After how long the server ends a statement that waits for another transaction.
    pub lock_timeout: Duration,
    /// Who sees to it that these hold.
    pub session: SessionSettings,
}

/// A pool of connections, used on blocking threads only; clones share it.
///
/// Connections are made when they are needed and again after they were lost, so that a database
/// that was away for a while needs no restart of this program.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connections>,
    permits: Arc<Semaphore>,
    wait: Duration,
    patience: Duration,
    writes: Arc<AtomicU64>,
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
            .connection_timeout(options.pool_timeout)
            .error_handler(Box::new(LogErrors))
            .build_unchecked(Connections {
                url: with_parameters(url)?,
                options: options.clone(),
                lost: Mutex::default(),
            });
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(options.pool_size as usize)),
            wait: options.pool_timeout,
            patience: options.pool_timeout + options.statement_timeout * 2,
            writes: Arc::default(),
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

    /// How many connections there are, and how many of them are idle.
    pub fn connections(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }

    /// How many transactions that write were begun so far.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Counts a transaction that writes.
    pub(crate) fn count_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// How long a connection is waited for.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    /// How long an answer is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Runs `work` with a connection on a blocking thread; as many run at once as there are
    /// connections. Work that has begun is carried to its end, also when the caller goes away, and
    /// when he is told that the server gave no answer: one that hangs does not end its statements.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        self.run_deciding(|connection, _| work(connection)).await
    }

    /// Runs `work`, which only reads, so that all its statements see the same state.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.run(move |connection| {
            let mut transaction = connection.build_transaction().repeatable_read().read_only();
            transaction.run(work).map_err(classify)
        })
        .await
    }

    /// Like [`run`](Self::run), for work that commits only after it has [decided](CommitGate) to:
    /// nobody is told that nothing was stored while it may yet be.
    pub(crate) async fn run_deciding<T, E>(
        &self,
        work: impl FnOnce(&mut PgConnection, &CommitGate) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let asked = Instant::now();
        let permit = tokio::time::timeout(self.wait, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|closed| RepositoryError::Failed(closed.into()))?;
        let pool = self.pool.clone();
        let decision = Arc::new(CommitGate::default());
        let working = {
            let decision = Arc::clone(&decision);
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let mut kept = pool
                    .get()
                    .map_err(|error| RepositoryError::Unavailable(error.into()))?;
                metrics::histogram!("devices_pool_wait_seconds").record(asked.elapsed());
                work(&mut kept.connection, &decision)
            })
        };
        let finished = tokio::time::timeout(self.patience, working).await;
        let finished = finished.map_err(|_| match decision.give_up() {
            true => RepositoryError::Unavailable("the server gave no answer".into()),
            false => RepositoryError::InDoubt("the server gave no answer to COMMIT".into()),
        })?;
        // What a panic says can hold a customer's value.
        finished.map_err(|_| RepositoryError::Failed("a panic".into()))?
    }
}

/// Whether a transaction is committed, or was given up by whoever waited for it: decided once, by
/// the first to ask.
#[derive(Debug, Default)]
pub(crate) struct CommitGate(AtomicU8);

impl CommitGate {
    const OPEN: u8 = 0;
    const COMMIT: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// Whether the transaction may be committed.
    pub(crate) fn commit(&self) -> bool {
        self.decide(Self::COMMIT)
    }

    /// Whether it is certain that the transaction will not be committed.
    fn give_up(&self) -> bool {
        self.decide(Self::GIVEN_UP)
    }

    fn decide(&self, wanted: u8) -> bool {
        let order = Ordering::SeqCst;
        match self.0.compare_exchange(Self::OPEN, wanted, order, order) {
            Ok(_) => true,
            Err(decided) => decided == wanted,
        }
    }
}

#[async_trait]
impl StoreHealth for Database {
    async fn ping(&self) -> Result<(), RepositoryError> {
        let is_writable = sql::<Bool>("NOT current_setting('transaction_read_only')::boolean");
        let is_writable: bool = self
            .run(move |connection| {
                let query = diesel::select(is_writable);
                query.get_result(connection).map_err(classify)
            })
            .await?;
        match is_writable {
            true => Ok(()),
            false => Err(RepositoryError::Unavailable(
                "the database may only be read".into(),
            )),
        }
    }
}

/// A number that a statement of our own words returns.
#[derive(QueryableByName)]
pub(crate) struct Id {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
}

fn busy() -> RepositoryError {
    RepositoryError::Unavailable("every connection was in use for too long".into())
}

/// What a Diesel error means to the ports. Whoever runs a query that can break a constraint names
/// that case before it comes here.
pub(crate) fn classify(error: DieselError) -> RepositoryError {
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
            if passing || is_transient(&message) {
                RepositoryError::Unavailable(message.into())
            } else {
                RepositoryError::Failed(message.into())
            }
        }
        DieselError::BrokenTransactionManager => RepositoryError::Unavailable(error.into()),
        DieselError::RollbackErrorOnCommit { .. } => RepositoryError::InDoubt(error.into()),
        error => RepositoryError::Failed(error.into()),
    }
}

/// What was inserted, or `None` where the unique `constraint` says that there is one like it.
pub(crate) fn on_unique_violation<T>(
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

/// Whether the same transaction may well succeed at once: PostgreSQL's 40001 and 40P01.
pub(crate) fn is_to_be_retried(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DieselError::DatabaseError(_, information) => information.message() == DEADLOCK,
        _ => false,
    }
}

/// Diesel keeps no SQLSTATE (57014, 55P03, 40P01, 57P01 to 57P03), so the English words of the
/// server, and of libpq, must do.
const DEADLOCK: &str = "deadlock detected";

/// Whether the server ended a statement that took too long, or that waited for one that waited for
/// it; or whether it, or the way to it, is gone. The last three are PgBouncer's.
fn is_transient(message: &str) -> bool {
    let beginnings = [
        DEADLOCK,
        "canceling statement due to",
        "terminating connection",
        "the database system is",
        "server closed the connection",
        "no connection to the server",
        "could not receive data from server",
        "could not send data to server",
        "query_wait_timeout",
        "server conn crashed",
        "server login has been failing",
    ];
    beginnings.iter().any(|words| message.starts_with(words))
}
