//! Latencies of requests.

use std::fmt;
use std::time::{Duration, Instant};

/// Latencies of requests of one kind.
#[derive(Default)]
pub(crate) struct Latencies {
    /// Latencies of the expected responses.
    latencies: Vec<Duration>,
    /// Number of other responses.
    failed: usize,
}

impl Latencies {
    /// Adds a request. `send` returns whether the response was as expected.
    pub(crate) fn record(&mut self, send: impl FnOnce() -> bool) {
        let start = Instant::now();
        if send() {
            self.latencies.push(start.elapsed());
        } else {
            self.failed += 1;
        }
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.latencies.append(&mut other.latencies);
        self.failed += other.failed;
    }

    pub(crate) fn failed(&self) -> usize {
        self.failed
    }

    /// Returns the latency that this fraction of the requests did not exceed.
    pub(crate) fn percentile(&self, fraction: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let index = (sorted.len() as f64 * fraction) as usize;
        let index = index.min(sorted.len().saturating_sub(1));
        sorted.get(index).copied().unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |fraction| self.percentile(fraction).as_secs_f64() * 1_000.0;
        write!(
            f,
            "{} requests, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, {} failed",
            self.latencies.len(),
            milliseconds(0.5),
            milliseconds(0.99),
            milliseconds(1.0),
            self.failed
        )
    }
}
