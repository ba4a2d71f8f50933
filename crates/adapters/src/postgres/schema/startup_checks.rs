//! Checks at startup.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_query;
use diesel::sql_types::{Bool, Text};

use crate::postgres::connection::connect::{ConnectError, connect};

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Returns the settings of the database at `url` that are off and should be on: without them,
/// PostgreSQL may lose committed transactions in a crash.
/// <https://www.postgresql.org/docs/current/runtime-config-wal.html>
///
/// # Errors
/// If the connection or the query fails.
pub fn non_durable_settings(url: &str) -> Result<Vec<String>, ConnectError> {
    let rows: Vec<NameRow> = sql_query(
        "SELECT name FROM pg_settings WHERE setting = 'off' \
         AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name",
    )
    .load(&mut connect(url)?)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Returns the version of the PostgreSQL server at `url`, such as `17.2`.
///
/// # Errors
/// If the connection or the query fails.
pub fn server_version(url: &str) -> Result<String, ConnectError> {
    let version = sql::<Text>("current_setting('server_version')");
    Ok(diesel::select(version).get_result(&mut connect(url)?)?)
}

/// A database that stores or searches only some scripts, with its name as an SQL identifier.
#[derive(Debug, thiserror::Error)]
pub enum UnsuitableDatabase {
    /// The encoding has no characters for most scripts.
    #[error("the encoding of the database {name} is {encoding}, but must be UTF8")]
    Encoding {
        /// Name of the database.
        name: String,
        /// Encoding of the database.
        encoding: String,
    },
    /// The locale knows no letters beyond ASCII, as `C` does.
    #[error(
        "in the locale of the database {name}, pg_trgm finds no letters in non-Latin text, so that \
         searches would find nothing"
    )]
    Locale {
        /// Name of the database.
        name: String,
    },
}

impl UnsuitableDatabase {
    /// Returns the statement that creates a database of the same name that can serve.
    ///
    /// Other databases than `template0` may contain text in their encoding and locale.
    /// <https://www.postgresql.org/docs/current/manage-ag-templatedbs.html>
    #[must_use]
    pub fn create_database_sql(&self) -> String {
        let (Self::Encoding { name, .. } | Self::Locale { name }) = self;
        format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';")
    }
}

/// Rejects a database that stores only some scripts or, if `pg_trgm` is installed, searches only
/// some.
pub(crate) fn check_scripts(connection: &mut PgConnection) -> Result<(), ConnectError> {
    let encoding: String =
        diesel::select(sql::<Text>("current_setting('server_encoding')")).get_result(connection)?;
    if encoding != "UTF8" {
        let name = database_name(connection)?;
        return Err(UnsuitableDatabase::Encoding { name, encoding }.into());
    }
    // The locale itself does not show it: a database has one for each purpose and provider, and
    // versions of pg_trgm read different ones.
    if finds_all_scripts(connection)? == Some(false) {
        let name = database_name(connection)?;
        return Err(UnsuitableDatabase::Locale { name }.into());
    }
    Ok(())
}

/// Like [`check_scripts`], but installs `pg_trgm` for the check if necessary. Changes nothing.
pub(crate) fn check_scripts_before_migrations(
    connection: &mut PgConnection,
) -> Result<(), ConnectError> {
    connection.batch_execute("BEGIN")?;
    let installed = connection.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_trgm");
    let checked = match installed {
        Ok(()) => check_scripts(connection),
        // The migration that installs the extension reports the reason.
        Err(_) => Ok(()),
    };
    connection.batch_execute("ROLLBACK")?;
    checked
}

/// Returns whether `pg_trgm` finds letters in a Cyrillic word, or `None` if it is not installed.
fn finds_all_scripts(connection: &mut PgConnection) -> Result<Option<bool>, DieselError> {
    let schema = sql_query(
        "SELECT extnamespace::regnamespace::text AS name FROM pg_extension \
         WHERE extname = 'pg_trgm'",
    );
    let schema: Option<NameRow> = schema.get_result(connection).optional()?;
    let Some(NameRow { name: schema }) = schema else {
        return Ok(None);
    };
    let finds = format!("cardinality({schema}.show_trgm('ноутбук')) > 0");
    diesel::select(sql::<Bool>(&finds))
        .get_result(connection)
        .map(Some)
}

/// Returns the name of the database as an SQL identifier.
fn database_name(connection: &mut PgConnection) -> Result<String, DieselError> {
    diesel::select(sql::<Text>("quote_ident(current_database())")).get_result(connection)
}
