//! Indexes queued devices for the search.

use std::sync::Arc;
use std::time::{Duration, Instant};

use devices_domain::{IndexError, SearchIndex};

/// Maximum size of the documents of a chunk. It takes about 50 ms, so that the devices of other
/// workspaces do not wait longer than that for their turn.
const MAX_CHUNK_BYTES: usize = 1024 * 1024;

/// Minimum size after timeouts. A single device may have a larger document, which is then indexed
/// alone.
const MIN_CHUNK_BYTES: usize = 4 * 1024;

const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Indexes queued devices in chunks, one workspace after the other. While other transactions write,
/// limits itself to 5 % of the time, because a device costs more to index than to store, and the
/// search covers queued devices, too. The share grows with the time that devices have waited.
///
/// `count_writes` returns the number of transactions that wrote anything else so far.
pub async fn run(index: Arc<dyn SearchIndex>, count_writes: impl Fn() -> u64) {
    let mut pacing = Pacing::default();
    let mut last_workspace = None;
    loop {
        let (started, writes_before) = (Instant::now(), count_writes());
        let pause = match index.index_chunk(last_workspace, pacing.chunk_bytes).await {
            Ok(Some(chunk)) => {
                last_workspace = Some(chunk.workspace);
                metrics::counter!("devices_search_indexed_total").increment(chunk.devices as u64);
                let writes = count_writes() - writes_before;
                pacing.after_chunk(chunk.waited, started.elapsed(), writes)
            }
            Ok(None) => {
                last_workspace = None;
                MAX_PAUSE
            }
            Err(error) => {
                let pause = pacing.after_error(&error);
                let chunk_bytes = pacing.chunk_bytes;
                tracing::warn!(%error, chunk_bytes, "cannot index queued devices yet; searches are slower");
                pause
            }
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Size of the next chunk, and pauses between chunks.
#[derive(Debug)]
struct Pacing {
    chunk_bytes: usize,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            chunk_bytes: MAX_CHUNK_BYTES,
        }
    }
}

impl Pacing {
    /// Doubles the chunk size and returns the pause before the next chunk. `waited` is the time for
    /// which the devices of this one were queued. `writes` counts the transactions that wrote
    /// anything else meanwhile. One of them still counts as none.
    fn after_chunk(&mut self, waited: Duration, elapsed: Duration, writes: u64) -> Duration {
        self.chunk_bytes = MAX_CHUNK_BYTES.min(self.chunk_bytes * 2);
        let is_alone = writes <= 1;
        if is_alone {
            Duration::ZERO
        } else {
            MAX_PAUSE.min(elapsed.mul_f64(1.0 / share(waited) - 1.0))
        }
    }

    /// Quarters the chunk size if the chunk took longer than the statement timeout: a smaller one
    /// ends before it. Returns the pause before the retry.
    fn after_error(&mut self, error: &IndexError) -> Duration {
        if matches!(error, IndexError::StatementTimeout(_)) {
            self.chunk_bytes = (self.chunk_bytes / 4).max(MIN_CHUNK_BYTES);
        }
        MAX_PAUSE
    }
}

/// Returns the share of the time that indexing may take while others write: 5 % until devices have
/// waited for ten seconds, then twice as much every ten seconds, and all after 53 seconds.
fn share(waited: Duration) -> f64 {
    const MIN_SHARE: f64 = 0.05;
    const DOUBLED_EVERY: f64 = 10.0;
    let doublings = (waited.as_secs_f64() / DOUBLED_EVERY - 1.0).max(0.0);
    (MIN_SHARE * doublings.exp2()).min(1.0)
}

#[cfg(test)]
mod tests {
    use devices_domain::RepositoryError;

    use super::*;

    const ELAPSED: Duration = Duration::from_millis(10);

    fn statement_timeout() -> IndexError {
        IndexError::StatementTimeout(busy())
    }

    fn busy() -> RepositoryError {
        RepositoryError::Unavailable("timeout while waiting for a free connection".into())
    }

    #[test]
    fn chunks_follow_without_pause_while_nothing_else_is_written() {
        let pause = Pacing::default().after_chunk(Duration::ZERO, ELAPSED, 1);
        assert_eq!(pause, Duration::ZERO);
    }

    #[test]
    fn indexing_takes_5_percent_while_batches_are_written() {
        for waited in [0, 5, 10] {
            let pause = Pacing::default().after_chunk(Duration::from_secs(waited), ELAPSED, 2);
            assert_eq!(pause.as_millis(), 190);
        }
    }

    #[test]
    fn share_grows_with_the_age_of_the_queue() {
        let shares = [10, 20, 30, 40, 50, 60, 3_600];
        let shares = shares.map(|seconds| share(Duration::from_secs(seconds)));
        assert_eq!(shares, [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]);
    }

    #[test]
    fn pause_is_limited() {
        let pause = Pacing::default().after_chunk(Duration::ZERO, MAX_PAUSE, 2);
        assert_eq!(pause, MAX_PAUSE);
    }

    /// Simulates ten minutes of a steady stream. Returns the longest time that a device waited.
    fn longest_wait(devices_per_second: f64, seconds_per_device: f64) -> f64 {
        const DEVICES_PER_CHUNK: f64 = 2_000.0;
        let mut pacing = Pacing::default();
        let (mut now, mut indexed, mut longest) = (0.0, 0.0, 0.0_f64);
        while now < 600.0 {
            let waited: f64 = now - indexed / devices_per_second;
            longest = longest.max(waited);
            let queued = devices_per_second * waited;
            let chunk = queued.min(DEVICES_PER_CHUNK);
            let elapsed = 0.001 + chunk * seconds_per_device;
            let waited = Duration::from_secs_f64(waited);
            let pause = pacing.after_chunk(waited, Duration::from_secs_f64(elapsed), 100);
            indexed += chunk;
            now += elapsed + pause.as_secs_f64();
        }
        longest
    }

    #[test]
    fn indexing_catches_up_with_every_stream_that_it_can_index() {
        let microsecond = 1e-6;
        for (devices_per_second, cost) in [(240.0, 40.0), (2_000.0, 40.0), (20_000.0, 40.0)] {
            let longest = longest_wait(devices_per_second, cost * microsecond);
            assert!(longest < 60.0, "{devices_per_second}: {longest}");
        }
        // The index of a large workspace on a slow disk.
        let longest = longest_wait(240.0, 2_000.0 * microsecond);
        assert!(longest < 60.0, "{longest}");
    }

    #[test]
    fn chunks_shrink_on_statement_timeouts_and_recover() {
        let mut pacing = Pacing::default();
        let mut sizes = Vec::new();
        for _ in 0..6 {
            pacing.after_error(&statement_timeout());
            sizes.push(pacing.chunk_bytes / 1024);
        }
        assert_eq!(sizes, [256, 64, 16, 4, 4, 4]);
        for _ in 0..10 {
            pacing.after_chunk(Duration::ZERO, ELAPSED, 1);
        }
        assert_eq!(pacing.chunk_bytes, MAX_CHUNK_BYTES);
    }

    #[test]
    fn chunks_do_not_shrink_while_the_pool_is_busy() {
        let mut pacing = Pacing::default();
        let pause = pacing.after_error(&busy().into());
        assert_eq!((pacing.chunk_bytes, pause), (MAX_CHUNK_BYTES, MAX_PAUSE));
    }
}
