//! Checks the health of the store even if nothing calls `/readyz`.

use std::time::Duration;

use devices_domain::RepositoryError;

const INTERVAL: Duration = Duration::from_secs(5);

/// Calls `check` every five seconds, and sets the gauge of its result. If a newer version of this
/// program updated the schema, the check makes the store reject all requests. Other errors concern
/// callers of `/readyz` only.
pub async fn run<C, F>(check: C)
where
    C: Fn() -> F,
    F: Future<Output = Result<(), RepositoryError>>,
{
    // The server has just used the store to start.
    metrics::gauge!("devices_database_healthy").set(1.0);
    loop {
        tokio::time::sleep(INTERVAL).await;
        let result = check().await;
        metrics::gauge!("devices_database_healthy").set(if result.is_ok() { 1.0 } else { 0.0 });
        if let Err(error) = result {
            tracing::debug!(%error, "the store is not healthy");
        }
    }
}
