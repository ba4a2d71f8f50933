//! Checks at startup.

use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};

#[derive(QueryableByName)]
struct SettingRow {
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
    let rows: Vec<SettingRow> = sql_query(
        "SELECT name FROM pg_settings WHERE setting = 'off' \
         AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name",
    )
    .load(&mut connect(url)?)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
