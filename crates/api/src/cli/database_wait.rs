//! Waiting for the database.

use std::time::Duration;

use devices_adapters::postgres::Database;
use secrecy::ExposeSecret;

use super::{CliError, join_lines};
use crate::settings;

/// Waits until the database accepts connections, for at most `database.wait_seconds`, and checks
/// that it is suitable. Logs one line when it begins to wait.
///
/// # Errors
/// At once if the database rejects the connection, such as for a wrong password.
pub(super) async fn wait_for_database(settings: &settings::Database) -> Result<(), CliError> {
    let url = settings.url.expose_secret();
    let max_seconds = settings.wait_seconds;
    let connected =
        Database::probe_until_accepting(url, Duration::from_secs(max_seconds), |error| {
            let reason = join_lines(&error.to_string());
            tracing::warn!(reason, max_seconds, "waiting for the database");
        });
    Ok(connected.await?)
}
