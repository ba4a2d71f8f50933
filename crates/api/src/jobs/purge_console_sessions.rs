//! Deletes expired sessions of the web console.

use std::sync::Arc;
use std::time::Duration;

use devices_domain::SessionRepository;

const INTERVAL: Duration = Duration::from_secs(60);

/// Deletes the expired sessions once per minute.
///
/// An error is logged, and the next attempt follows a minute later.
pub async fn run(sessions: Arc<dyn SessionRepository>) {
    loop {
        match sessions.purge_expired().await {
            Ok(0) => {}
            Ok(purged) => tracing::info!(purged, "purged expired console sessions"),
            Err(error) => tracing::warn!(%error, "cannot purge expired console sessions yet"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
