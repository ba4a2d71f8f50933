//! Indexes queued devices for the search.

use std::time::{Duration, Instant};

use devices_domain::RepositoryError;

/// Maximum number of devices per chunk: the default of `limits.max_devices_per_batch`, so that most
/// entries of the queue need not be split.
const MAX_CHUNK_SIZE: usize = 1_000;
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Indexes queued devices in chunks. Limits itself to 5 % of the time while batches are written,
/// because a device costs more to index than to store, and the search covers queued devices, too.
///
/// `index_chunk` indexes at most as many devices as its argument, in one transaction, and returns
/// their number. `count_writes` returns the number of transactions that wrote anything else
/// so far.
pub async fn run<I, F>(index_chunk: I, count_writes: impl Fn() -> u64)
where
    I: Fn(usize) -> F,
    F: Future<Output = Result<usize, RepositoryError>>,
{
    let mut pacing = Pacing::default();
    loop {
        let (started, writes_before) = (Instant::now(), count_writes());
        let pause = match index_chunk(pacing.chunk_size).await {
            Ok(indexed) => {
                let writes = count_writes() - writes_before;
                pacing.after_chunk(indexed, started.elapsed(), writes)
            }
            Err(error) => {
                let pause = pacing.after_error();
                let chunk_size = pacing.chunk_size;
                tracing::warn!(%error, chunk_size, "cannot index queued devices yet; searches are slower");
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
    chunk_size: usize,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            chunk_size: MAX_CHUNK_SIZE,
        }
    }
}

impl Pacing {
    /// Doubles the chunk size and returns the pause before the next chunk. `writes` counts the
    /// transactions that wrote anything else meanwhile. One of them still counts as none.
    fn after_chunk(&mut self, indexed: usize, elapsed: Duration, writes: u64) -> Duration {
        if indexed == 0 {
            return MAX_PAUSE;
        }
        self.chunk_size = MAX_CHUNK_SIZE.min(self.chunk_size * 2);
        let is_alone = writes <= 1;
        if is_alone {
            Duration::ZERO
        } else {
            // 1 part work and 19 parts pause: 5 % work.
            MAX_PAUSE.min(elapsed * 19)
        }
    }

    /// Quarters the chunk size and returns the pause before the retry. Devices with long texts can
    /// take longer than the statement timeout: a smaller chunk ends before it.
    fn after_error(&mut self) -> Duration {
        self.chunk_size = (self.chunk_size / 4).max(1);
        MAX_PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELAPSED: Duration = Duration::from_millis(10);

    #[test]
    fn chunks_follow_without_pause_while_nothing_else_is_written() {
        let pause = Pacing::default().after_chunk(MAX_CHUNK_SIZE, ELAPSED, 1);
        assert_eq!(pause, Duration::ZERO);
    }

    #[test]
    fn indexing_takes_5_percent_while_batches_are_written() {
        let pause = Pacing::default().after_chunk(MAX_CHUNK_SIZE, ELAPSED, 2);
        assert_eq!(ELAPSED * 20, ELAPSED + pause);
    }

    #[test]
    fn pause_is_limited() {
        let mut pacing = Pacing::default();
        assert_eq!(pacing.after_chunk(1, MAX_PAUSE, 2), MAX_PAUSE);
        assert_eq!(pacing.after_chunk(0, ELAPSED, 0), MAX_PAUSE);
    }

    #[test]
    fn chunk_size_shrinks_on_errors_and_recovers() {
        let mut pacing = Pacing::default();
        let mut sizes = Vec::new();
        for _ in 0..6 {
            pacing.after_error();
            sizes.push(pacing.chunk_size);
        }
        assert_eq!(sizes, [250, 62, 15, 3, 1, 1]);
        for _ in 0..10 {
            pacing.after_chunk(1, ELAPSED, 1);
        }
        assert_eq!(pacing.chunk_size, MAX_CHUNK_SIZE);
    }
}
