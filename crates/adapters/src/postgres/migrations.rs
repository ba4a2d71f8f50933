//! The schema, and how a database comes to it.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connect::{ConnectError, connect};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// Any number that no other program on the same database locks.
const LOCK: i64 = 0x466c_6565_7444_6576;

/// Migrations that did not run.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// One of them failed; it was rolled back, and those before it were kept.
    #[error("{0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Brings the database at `url` to this program's schema and names the migrations that it ran. Where
/// there is nothing to do, it needs no right but to read.
///
/// Safe when several processes start at once: one runs them, the others wait for it.
///
/// # Errors
/// Where there is no connection, or a migration fails.
pub fn migrate(url: &str) -> Result<Vec<String>, MigrationError> {
    if pending_migrations(url)?.is_empty() {
        return Ok(Vec::new());
    }
    let mut connection = connect(url)?;
    // A lock of the session, given back when the connection closes, whatever happens.
    connection
        .batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))
        .map_err(|error| MigrationError::Failed(error.into()))?;
    let ran = connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(MigrationError::Failed)?;
    Ok(ran.iter().map(ToString::to_string).collect())
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// The migrations that the database at `url` still lacks. Changes nothing: Diesel's own question
/// would make its table, which whoever serves may not.
///
/// # Errors
/// Where there is no connection, or the database does not answer.
pub fn pending_migrations(url: &str) -> Result<Vec<String>, MigrationError> {
    let mut connection = connect(url)?;
    let failed = |error: DieselError| MigrationError::Failed(error.into());
    let has_table = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    let has_table: bool = diesel::select(has_table)
        .get_result(&mut connection)
        .map_err(failed)?;
    let ran: Vec<Version> = match has_table {
        true => diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
            .load(&mut connection)
            .map_err(failed)?,
        false => Vec::new(),
    };
    let all: Vec<Box<dyn Migration<Pg>>> =
        MIGRATIONS.migrations().map_err(MigrationError::Failed)?;
    let mut pending: Vec<String> = all
        .iter()
        .map(|migration| migration.name())
        .filter(|name| {
            let has_run = |ran: &Version| ran.version == name.version().to_string();
            !ran.iter().any(has_run)
        })
        .map(ToString::to_string)
        .collect();
    pending.sort();
    Ok(pending)
}
