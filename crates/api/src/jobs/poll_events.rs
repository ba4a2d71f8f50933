//! Looks for events that requests wait for.

use std::sync::Arc;
use std::time::Duration;

use devices_domain::FeedMonitor;

use crate::http::EventWaits;

const INTERVAL: Duration = Duration::from_secs(1);

/// Polls once per second for all waiting requests. An error is logged, and the next poll retries.
pub async fn run(waits: Arc<EventWaits>, monitor: Arc<dyn FeedMonitor>) {
    loop {
        if let Err(error) = waits.poll(&*monitor).await {
            tracing::debug!(%error, "cannot look for events that requests wait for");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
