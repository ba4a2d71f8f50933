//! Whether what was committed survives a crash.

use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};

use crate::postgres::connection::connect::{ConnectError, connect};

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The settings of the database at `url` by which PostgreSQL may lose what it has committed: each
/// is off. <https://www.postgresql.org/docs/current/runtime-config-wal.html>
///
/// # Errors
/// Where there is no connection, or the database does not answer.
pub fn non_durable_settings(url: &str) -> Result<Vec<String>, ConnectError> {
    let off: Vec<Setting> = sql_query(
        "SELECT name FROM pg_settings WHERE setting = 'off' \
         AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name",
    )
    .load(&mut connect(url)?)?;
    Ok(off.into_iter().map(|setting| setting.name).collect())
}
