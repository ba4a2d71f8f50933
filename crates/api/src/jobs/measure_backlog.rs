//! Measures the queue of devices to index, and warns if it grows old.

use std::sync::Arc;
use std::time::Duration;

use devices_domain::{IndexBacklog, SearchIndex};

const INTERVAL: Duration = Duration::from_secs(15);

/// Age of the oldest queued device from which indexing counts as behind. From 53 seconds on,
/// indexing takes all the time that it needs.
const BEHIND_AGE: Duration = Duration::from_secs(120);

/// Age of the oldest queued device up to which indexing counts as caught up.
const CAUGHT_UP_AGE: Duration = Duration::from_secs(30);

/// Sets the gauges of the queue every 15 seconds. Logs a warning when indexing falls behind, and
/// when it has caught up.
pub async fn run(index: Arc<dyn SearchIndex>) {
    let mut monitor = Monitor::default();
    loop {
        match index.backlog().await {
            Ok(backlog) => {
                let oldest_seconds = backlog.oldest.as_secs();
                metrics::gauge!("devices_search_queue_devices").set(backlog.devices as f64);
                metrics::gauge!("devices_search_queue_oldest_seconds").set(oldest_seconds as f64);
                let devices = backlog.devices;
                match monitor.observe(&backlog) {
                    Some(Change::FellBehind) => tracing::warn!(
                        devices,
                        oldest_seconds,
                        "devices wait long to be indexed, and searches are slower: give \
                         PostgreSQL more CPU time or faster disks, or send fewer devices"
                    ),
                    Some(Change::CaughtUp) => {
                        tracing::info!(devices, oldest_seconds, "indexing has caught up");
                    }
                    None => {}
                }
            }
            Err(error) => tracing::debug!(%error, "cannot measure the queue of devices to index"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Change of the state of indexing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    FellBehind,
    CaughtUp,
}

/// State of indexing: behind, or not.
#[derive(Debug, Default)]
struct Monitor {
    is_behind: bool,
}

impl Monitor {
    /// Updates the state. Returns the change, if any.
    fn observe(&mut self, backlog: &IndexBacklog) -> Option<Change> {
        if !self.is_behind && backlog.oldest >= BEHIND_AGE {
            self.is_behind = true;
            Some(Change::FellBehind)
        } else if self.is_behind && backlog.oldest <= CAUGHT_UP_AGE {
            self.is_behind = false;
            Some(Change::CaughtUp)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_reported_once() {
        let mut monitor = Monitor::default();
        let changes = [0, 100, 120, 500, 100, 31, 30, 0, 119, 121].map(|seconds| {
            monitor.observe(&IndexBacklog {
                devices: 1,
                oldest: Duration::from_secs(seconds),
            })
        });
        let (behind, caught_up) = (Some(Change::FellBehind), Some(Change::CaughtUp));
        let expected = [
            None, None, behind, None, None, None, caught_up, None, None, behind,
        ];
        assert_eq!(changes, expected);
    }
}
