//! The schema, and how a database comes to it.

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
use crate::postgres::schema::serving_role;

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

impl From<DieselError> for MigrationError {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

/// Brings the database at `url` to this program's schema, gives the serving role its rights, and
/// names the migrations that it ran. Whoever does not own the tables needs no right but to read where
/// there is nothing to do.
///
/// Safe when several processes start at once: one runs them, the others wait for it. While it waits
/// for a table, those who use that table do not wait for it for longer than two seconds.
///
/// # Errors
/// Where there is no connection, or a migration fails.
pub fn migrate(url: &str) -> Result<Vec<String>, MigrationError> {
    let mut connection = connect(url)?;
    // A lock of the session, given back when the connection closes, whatever happens.
    connection.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    let missing = missing(&mut connection)?;
    if !missing.is_empty() {
        run(&mut connection, &missing)?;
    }
    serving_role::prepare(&mut connection)?;
    Ok(names(&missing))
}

type Migrations = Vec<Box<dyn Migration<Pg>>>;

fn names(migrations: &Migrations) -> Vec<String> {
    let names = migrations.iter().map(|migration| migration.name());
    names.map(ToString::to_string).collect()
}

/// How long those who use a table may have to wait for a migration that waits for it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Tries each again and again while others use its tables.
fn run(connection: &mut PgConnection, migrations: &Migrations) -> Result<(), MigrationError> {
    const TRIES: usize = 30;
    connection.setup()?;
    let timeout = format!("SET lock_timeout = {}", LOCK_TIMEOUT.as_millis());
    connection.batch_execute(&timeout)?;
    for migration in migrations {
        let mut tries = 0;
        while let Err(error) = connection.run_migration(migration) {
            tries += 1;
            if tries == TRIES || !error.to_string().contains("lock timeout") {
                return Err(MigrationError::Failed(error));
            }
            tracing::warn!("a migration waits for those who use its tables");
            std::thread::sleep(LOCK_TIMEOUT);
        }
    }
    Ok(())
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
    Ok(names(&missing(&mut connect(url)?)?))
}

/// Oldest first.
fn missing(connection: &mut PgConnection) -> Result<Migrations, MigrationError> {
    let has_table = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    let ran: Vec<Version> = match diesel::select(has_table).get_result(connection)? {
        true => {
            diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?
        }
        false => Vec::new(),
    };
    let ran: HashSet<String> = ran.into_iter().map(|row| row.version).collect();
    let mut missing: Migrations = MIGRATIONS.migrations().map_err(MigrationError::Failed)?;
    missing.retain(|migration| !ran.contains(&migration.name().version().to_string()));
    missing.sort_by_key(|migration| migration.name().version().as_owned());
    Ok(missing)
}
