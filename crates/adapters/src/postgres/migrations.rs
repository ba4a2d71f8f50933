//! The schema, and how a database comes to it.

use diesel::connection::SimpleConnection;
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

/// Brings the database at `url` to this program's schema and names the migrations that it ran.
///
/// Safe when several processes start at once: one runs them, the others wait for it.
///
/// # Errors
/// Where there is no connection, or a migration fails.
pub fn migrate(url: &str) -> Result<Vec<String>, MigrationError> {
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

/// The migrations that the database at `url` still lacks.
///
/// # Errors
/// Where there is no connection, or the database does not answer.
pub fn pending_migrations(url: &str) -> Result<Vec<String>, MigrationError> {
    let mut connection = connect(url)?;
    let pending = connection
        .pending_migrations(MIGRATIONS)
        .map_err(MigrationError::Failed)?;
    Ok(pending
        .iter()
        .map(|migration| migration.name().to_string())
        .collect())
}
