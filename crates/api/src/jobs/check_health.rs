//! Checks the health of the store even if nothing calls `/readyz`.

use std::time::Duration;

use devices_domain::RepositoryError;

const INTERVAL: Duration = Duration::from_secs(5);

/// Calls `check` every five seconds. If a newer version of this program updated the schema, the
/// check makes the store reject all requests. Other errors concern callers of `/readyz` only.
pub async fn run<C, F>(check: C)
where
    C: Fn() -> F,
    F: Future<Output = Result<(), RepositoryError>>,
{
    loop {
        tokio::time::sleep(INTERVAL).await;
        if let Err(error) = check().await {
            tracing::debug!(%error, "the store is not healthy");
        }
    }
}
