//! Deletes expired idempotency keys.

use std::time::Duration;

use devices_domain::RepositoryError;

const INTERVAL: Duration = Duration::from_secs(60);

/// Calls `purge` once per minute. It deletes the expired keys and returns their number.
///
/// An error is logged, and the next call retries.
pub async fn run<P, F>(purge: P)
where
    P: Fn() -> F,
    F: Future<Output = Result<usize, RepositoryError>>,
{
    loop {
        match purge().await {
            Ok(0) => {}
            Ok(purged) => tracing::info!(purged, "purged expired idempotency keys"),
            Err(error) => tracing::warn!(%error, "cannot purge expired idempotency keys yet"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
