//! Schema migrations.

use std::time::Duration;

use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel::pg::{Pg, PgConnection};
use diesel::result::Error as DieselError;
use diesel::sql_types::Bool;
use diesel::{Connection, QueryResult, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::postgres::connection::connect::{ConnectError, connect};
use crate::postgres::connection::trace::TraceStatements;
use crate::postgres::schema::conversion::{self, FoldStoredValues};
use crate::postgres::schema::server_log;
use crate::postgres::schema::startup_checks::check_scripts_before_migrations;
use crate::postgres::schema::steps::in_steps;
use crate::postgres::schema::versions::{applied_versions, reject_unknown};

/// The migrations in SQL. [`FoldStoredValues`] is in Rust.
const SQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Key of the advisory lock of migrations. Any number that no other program on the database uses.
/// The bytes spell `FleetDev` in ASCII.
const LOCK: i64 = 0x466c_6565_7444_6576;

/// Reason why the migrations did not run.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The connection failed, or the database is unsuitable.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A newer version of this program updated the schema. Contains the versions of the migrations
    /// that this one does not know. Nothing was changed.
    #[error(
        "a newer version of this program updated the schema (unknown migrations: {})",
        .0.join(", ")
    )]
    NewerSchema(Vec<String>),
    /// A migration failed and was rolled back. Earlier migrations stay.
    #[error("{0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<DieselError> for MigrationError {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the pending migrations of the database at `url`. Returns the names of the migrations that
/// ran. If none is pending, a user that does not own the tables needs only privileges to read.
///
/// Safe when several processes start at the same time: one of them migrates, and the others wait. A
/// migration that waits for a table blocks the users of that table for at most two seconds.
///
/// # Errors
/// If the connection or a migration fails, or the schema is newer than this version.
pub fn migrate(url: &str) -> Result<Vec<String>, MigrationError> {
    let mut connection = connect(url)?;
    let ran = run_pending(&mut connection, &AllMigrations)?;
    server_log::prepare(&mut connection)?;
    Ok(ran)
}

/// Like [`migrate`], with the migrations of `source`.
///
/// # Errors
/// If the connection or a migration fails, or the schema is newer than this version.
pub fn migrate_from(
    url: &str,
    source: &impl MigrationSource<Pg>,
) -> Result<Vec<String>, MigrationError> {
    run_pending(&mut connect(url)?, source)
}

/// Runs the pending migrations, and returns their names. The connection keeps the lock.
fn run_pending(
    connection: &mut PgConnection,
    source: &impl MigrationSource<Pg>,
) -> Result<Vec<String>, MigrationError> {
    lock(connection)?;
    let pending = pending(connection, source)?;
    if !pending.is_empty() {
        check_scripts_before_migrations(connection)?;
        // The log would contain the whole files.
        connection.set_instrumentation(|_: InstrumentationEvent<'_>| {});
        run(connection, &pending)?;
        connection.set_instrumentation(TraceStatements);
    }
    Ok(names(&pending))
}

/// The migrations of this version: those in SQL, and [`FoldStoredValues`].
pub(crate) struct AllMigrations;

impl MigrationSource<Pg> for AllMigrations {
    fn migrations(&self) -> diesel::migration::Result<Migrations> {
        let mut migrations = MigrationSource::<Pg>::migrations(&SQL_MIGRATIONS)?;
        migrations.push(Box::new(FoldStoredValues));
        Ok(migrations)
    }
}

/// Takes the lock of migrations and of the privileges of the serving role: a session-level lock,
/// released when the connection closes, on errors and panics as well.
///
/// Polls: a statement that waits for the lock holds a snapshot, and `CREATE INDEX CONCURRENTLY` in
/// the process that has the lock waits for all older snapshots, a deadlock.
pub(crate) fn lock(connection: &mut PgConnection) -> QueryResult<()> {
    const POLL_INTERVAL: Duration = Duration::from_millis(100);
    let try_lock = format!("pg_try_advisory_lock({LOCK})");
    let mut attempts = 0;
    while !diesel::select(sql::<Bool>(&try_lock)).get_result(connection)? {
        attempts += 1;
        // Not at the first attempt: the session of a process that has just ended may still close.
        if attempts == 2 {
            tracing::info!("another process updates the schema, waiting for it");
        }
        sleep(POLL_INTERVAL);
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server starts after the migrations, so no other task waits"
)]
fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}

/// Lock of the schema, which [`migrate`] takes, too. Released when the value is dropped.
pub struct SchemaLock {
    _connection: PgConnection,
}

/// Waits for the processes that change the schema of the database at `url`, and makes others wait.
///
/// # Errors
/// If the connection or a statement fails.
pub fn lock_schema(url: &str) -> Result<SchemaLock, MigrationError> {
    let mut connection = connect(url)?;
    lock(&mut connection)?;
    Ok(SchemaLock {
        _connection: connection,
    })
}

type Migrations = Vec<Box<dyn Migration<Pg>>>;

fn names(migrations: &Migrations) -> Vec<String> {
    let names = migrations.iter().map(Migration::name);
    names.map(ToString::to_string).collect()
}

/// Maximum time that a migration waits for a table. Users of the table queue behind it.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs each migration, and retries it while its tables are in use.
fn run(connection: &mut PgConnection, migrations: &Migrations) -> Result<(), MigrationError> {
    const MAX_ATTEMPTS: usize = 30;
    connection.setup()?;
    let timeout = format!("SET lock_timeout = {}", LOCK_TIMEOUT.as_millis());
    connection.batch_execute(&timeout)?;
    for migration in migrations {
        let mut attempts = 0;
        while let Err(error) = connection.run_migration(migration) {
            attempts += 1;
            if attempts == MAX_ATTEMPTS || !error.to_string().contains("lock timeout") {
                // If the connection is lost, the next failure records it.
                drop(conversion::repeat_after_failure_of(
                    connection,
                    &migration.name().version(),
                ));
                return Err(MigrationError::Failed(error));
            }
            tracing::warn!("a migration waits for tables that are in use, retrying");
            sleep(LOCK_TIMEOUT);
        }
    }
    Ok(())
}

/// Returns the names of the migrations that the database at `url` lacks. Changes nothing: Diesel's
/// own check would create its table, which the serving role may not do.
///
/// # Errors
/// If the connection or the query fails, or the schema is newer than this version.
pub fn pending_migrations(url: &str) -> Result<Vec<String>, MigrationError> {
    Ok(names(&pending(&mut connect(url)?, &AllMigrations)?))
}

/// Returns the pending migrations of `source`, oldest first. Rejects a newer schema.
fn pending(
    connection: &mut PgConnection,
    source: &impl MigrationSource<Pg>,
) -> Result<Migrations, MigrationError> {
    let applied = applied_versions(connection)?;
    let mut pending = source.migrations().map_err(MigrationError::Failed)?;
    reject_unknown(&applied, &pending)?;
    pending.retain(|migration| !applied.contains(&migration.name().version().to_string()));
    pending.sort_by_key(|migration| migration.name().version().as_owned());
    Ok(pending.into_iter().map(in_steps).collect())
}
