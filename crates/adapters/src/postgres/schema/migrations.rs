//! Schema migrations.

use std::collections::HashSet;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel::pg::{Pg, PgConnection};
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::postgres::connection::connect::{ConnectError, connect};
use crate::postgres::schema::conversion::{self, FoldStoredValues};
use crate::postgres::schema::serving_role;
use crate::postgres::schema::startup_checks::check_scripts_before_migrations;

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
    /// A migration failed and was rolled back. Earlier migrations stay.
    #[error("{0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<DieselError> for MigrationError {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs the pending migrations of the database at `url`, and grants the serving role its
/// privileges. Returns the names of the migrations that ran. If none is pending, a user that does
/// not own the tables needs only privileges to read.
///
/// Safe when several processes start at the same time: one of them migrates, and the others wait. A
/// migration that waits for a table blocks the users of that table for at most two seconds.
///
/// # Errors
/// If the connection or a migration fails.
pub fn migrate(url: &str) -> Result<Vec<String>, MigrationError> {
    let mut connection = connect(url)?;
    // A session-level lock, released when the connection closes, on errors and panics as well.
    connection.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    let pending = pending(&mut connection)?;
    if !pending.is_empty() {
        check_scripts_before_migrations(&mut connection)?;
        run(&mut connection, &pending)?;
    }
    serving_role::prepare(&mut connection)?;
    Ok(names(&pending))
}

type Migrations = Vec<Box<dyn Migration<Pg>>>;

fn names(migrations: &Migrations) -> Vec<String> {
    let names = migrations.iter().map(Migration::name);
    names.map(ToString::to_string).collect()
}

/// Maximum time that a migration waits for a table. Users of the table queue behind it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

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
            #[expect(
                clippy::disallowed_methods,
                reason = "the server starts after the migrations, so no other task waits"
            )]
            std::thread::sleep(LOCK_TIMEOUT);
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Returns the names of the migrations that the database at `url` lacks. Changes nothing: Diesel's
/// own check would create its table, which the serving role may not do.
///
/// # Errors
/// If the connection or the query fails.
pub fn pending_migrations(url: &str) -> Result<Vec<String>, MigrationError> {
    Ok(names(&pending(&mut connect(url)?)?))
}

/// Returns the pending migrations, oldest first.
fn pending(connection: &mut PgConnection) -> Result<Migrations, MigrationError> {
    let has_table = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    let applied: Vec<VersionRow> = if diesel::select(has_table).get_result(connection)? {
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?
    } else {
        Vec::new()
    };
    let applied: HashSet<String> = applied.into_iter().map(|row| row.version).collect();
    let mut pending: Migrations = SQL_MIGRATIONS
        .migrations()
        .map_err(MigrationError::Failed)?;
    pending.push(Box::new(FoldStoredValues));
    pending.retain(|migration| !applied.contains(&migration.name().version().to_string()));
    pending.sort_by_key(|migration| migration.name().version().as_owned());
    Ok(pending)
}
