//! Compares the migrations of the database with those of this program.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query};

use crate::postgres::connection::error::classify;
use crate::postgres::schema::migrations::{AllMigrations, MigrationError};

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Returns the versions of the migrations that ran on the database.
pub(crate) fn applied_versions(connection: &mut PgConnection) -> QueryResult<HashSet<String>> {
    let has_table = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    if !diesel::select(has_table).get_result(connection)? {
        return Ok(HashSet::new());
    }
    let versions: Vec<VersionRow> =
        sql_query("SELECT version FROM __diesel_schema_migrations").load(connection)?;
    Ok(versions.into_iter().map(|row| row.version).collect())
}

/// Rejects versions that are not among `migrations`: a newer version of this program updated the
/// schema.
pub(crate) fn reject_unknown(
    applied: &HashSet<String>,
    migrations: &[Box<dyn Migration<Pg>>],
) -> Result<(), MigrationError> {
    let names = migrations.iter().map(Migration::name);
    let known: HashSet<String> = names.map(|name| name.version().to_string()).collect();
    let mut unknown: Vec<String> = applied.difference(&known).cloned().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    unknown.sort();
    Err(MigrationError::NewerSchema(unknown))
}

/// Notices that a newer version of this program updated the schema while this one serves.
#[derive(Debug, Default)]
pub(crate) struct SchemaWatch {
    is_newer: AtomicBool,
}

impl SchemaWatch {
    /// Returns whether the last [check](Self::check) found a newer schema.
    pub(crate) fn is_newer(&self) -> bool {
        self.is_newer.load(Ordering::Relaxed)
    }

    /// Checks the schema of the database. Logs a newer one once.
    ///
    /// # Errors
    /// If the schema is newer, or the query fails.
    pub(crate) fn check(&self, connection: &mut PgConnection) -> Result<(), String> {
        let applied = applied_versions(connection).map_err(|error| classify(error).to_string())?;
        let migrations = AllMigrations.migrations();
        let migrations = migrations.map_err(|error| error.to_string())?;
        let checked = reject_unknown(&applied, &migrations);
        let was_newer = self.is_newer.swap(checked.is_err(), Ordering::Relaxed);
        checked.map_err(|error| {
            if !was_newer {
                tracing::error!(%error, "every request is rejected until this server is replaced");
            }
            error.to_string()
        })
    }
}
