//! Measures the lag of the event feeds.

use std::sync::Arc;
use std::time::Duration;

use devices_domain::FeedMonitor;

const INTERVAL: Duration = Duration::from_secs(15);

/// Sets the gauge of the lag every 15 seconds.
pub async fn run(monitor: Arc<dyn FeedMonitor>) {
    loop {
        match monitor.lag().await {
            Ok(lag) => metrics::gauge!("devices_event_feed_lag_seconds").set(lag.as_secs_f64()),
            Err(error) => tracing::debug!(%error, "cannot measure the lag of the event feeds"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
