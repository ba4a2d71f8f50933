//! Indexes queued devices for the search.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use devices_domain::{IndexError, SearchIndex, WorkspaceId};

/// Maximum size of the documents of a chunk. Indexing it takes about 50 ms, for which the other
/// workspaces wait.
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
    let mut indexer = Indexer::default();
    loop {
        let pause = indexer.index_next(index.as_ref(), &count_writes).await;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Visits the workspaces with queued devices in rounds.
#[derive(Debug, Default)]
struct Indexer {
    /// Workspace that was visited last in this round.
    last: Option<WorkspaceId>,
    /// `true` if this round has indexed any device.
    has_indexed: bool,
    chunk_sizes: ChunkSizes,
}

impl Indexer {
    /// Indexes a chunk of the next workspace. Returns the pause after it. An error does not delay
    /// the other workspaces of the round.
    async fn index_next(
        &mut self,
        index: &dyn SearchIndex,
        count_writes: &impl Fn() -> u64,
    ) -> Duration {
        match index.next_queued_workspace(self.last).await {
            Ok(Some(workspace)) => {
                self.last = Some(workspace);
                self.index_chunk(index, workspace, count_writes).await
            }
            Ok(None) => {
                self.last = None;
                if std::mem::take(&mut self.has_indexed) {
                    Duration::ZERO
                } else {
                    MAX_PAUSE
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read the queue of devices to index yet");
                MAX_PAUSE
            }
        }
    }

    async fn index_chunk(
        &mut self,
        index: &dyn SearchIndex,
        workspace: WorkspaceId,
        count_writes: &impl Fn() -> u64,
    ) -> Duration {
        let (started, writes_before) = (Instant::now(), count_writes());
        let chunk_bytes = self.chunk_sizes.get(workspace);
        match index.index_chunk(workspace, chunk_bytes).await {
            Ok(Some(chunk)) => {
                self.has_indexed = true;
                self.chunk_sizes.grow(workspace);
                metrics::counter!("devices_search_indexed_total").increment(chunk.devices as u64);
                let writes = count_writes() - writes_before;
                pause_after_chunk(chunk.waited, started.elapsed(), writes)
            }
            // Another server indexes this workspace.
            Ok(None) => Duration::ZERO,
            Err(error) => {
                if matches!(error, IndexError::StatementTimeout(_)) {
                    self.chunk_sizes.shrink(workspace);
                }
                let workspace = workspace.0;
                tracing::warn!(
                    %error,
                    workspace,
                    chunk_bytes,
                    "cannot index queued devices yet; searches are slower"
                );
                MAX_PAUSE
            }
        }
    }
}

/// Chunk sizes of workspaces in bytes. Devices with long texts can take longer than the statement
/// timeout: a smaller chunk ends before it.
#[derive(Debug, Default)]
struct ChunkSizes {
    /// Sizes below the maximum.
    reduced: HashMap<WorkspaceId, usize>,
}

impl ChunkSizes {
    fn get(&self, workspace: WorkspaceId) -> usize {
        let reduced = self.reduced.get(&workspace);
        reduced.copied().unwrap_or(MAX_CHUNK_BYTES)
    }

    /// Doubles the size, up to the maximum.
    fn grow(&mut self, workspace: WorkspaceId) {
        let size = self.get(workspace) * 2;
        if size < MAX_CHUNK_BYTES {
            self.reduced.insert(workspace, size);
        } else {
            self.reduced.remove(&workspace);
        }
    }

    /// Quarters the size.
    fn shrink(&mut self, workspace: WorkspaceId) {
        let size = (self.get(workspace) / 4).max(MIN_CHUNK_BYTES);
        self.reduced.insert(workspace, size);
    }
}

/// Returns the pause before the next chunk. `waited` is the time for which the devices of this one
/// were queued. `writes` counts the transactions that wrote anything else meanwhile. A single one
/// does not slow down indexing.
fn pause_after_chunk(waited: Duration, elapsed: Duration, writes: u64) -> Duration {
    if writes <= 1 {
        Duration::ZERO
    } else {
        MAX_PAUSE.min(elapsed.mul_f64(1.0 / share(waited) - 1.0))
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
    use devices_domain::{IndexedChunk, MockSearchIndex, RepositoryError};

    use super::*;

    const ELAPSED: Duration = Duration::from_millis(10);

    #[test]
    fn indexing_does_not_pause_while_nothing_is_written() {
        let pause = pause_after_chunk(Duration::ZERO, ELAPSED, 1);
        assert_eq!(pause, Duration::ZERO);
    }

    #[test]
    fn indexing_takes_5_percent_while_batches_are_written() {
        for waited in [0, 5, 10] {
            let pause = pause_after_chunk(Duration::from_secs(waited), ELAPSED, 2);
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
        let pause = pause_after_chunk(Duration::ZERO, MAX_PAUSE, 2);
        assert_eq!(pause, MAX_PAUSE);
    }

    /// Simulates ten minutes of a steady stream. Returns the longest time that a device waited.
    fn longest_wait(devices_per_second: f64, seconds_per_device: f64) -> f64 {
        const DEVICES_PER_CHUNK: f64 = 2_000.0;
        let (mut now, mut indexed, mut longest) = (0.0, 0.0, 0.0_f64);
        while now < 600.0 {
            let waited: f64 = now - indexed / devices_per_second;
            longest = longest.max(waited);
            let queued = devices_per_second * waited;
            let chunk = queued.min(DEVICES_PER_CHUNK);
            let elapsed = 0.001 + chunk * seconds_per_device;
            let waited = Duration::from_secs_f64(waited);
            let pause = pause_after_chunk(waited, Duration::from_secs_f64(elapsed), 100);
            indexed += chunk;
            now += elapsed + pause.as_secs_f64();
        }
        longest
    }

    #[test]
    fn indexing_keeps_up_with_steady_streams() {
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
    fn chunks_shrink_on_timeouts_and_recover() {
        let (mut sizes, workspace) = (ChunkSizes::default(), WorkspaceId(1));
        let mut kibibytes = Vec::new();
        for _ in 0..6 {
            sizes.shrink(workspace);
            kibibytes.push(sizes.get(workspace) / 1024);
        }
        assert_eq!(kibibytes, [256, 64, 16, 4, 4, 4]);
        assert_eq!(sizes.get(WorkspaceId(2)), MAX_CHUNK_BYTES);
        for _ in 0..10 {
            sizes.grow(workspace);
        }
        assert_eq!(sizes.get(workspace), MAX_CHUNK_BYTES);
        assert!(sizes.reduced.is_empty());
    }

    fn error() -> RepositoryError {
        RepositoryError::Unavailable("".into())
    }

    /// Creates an index whose workspaces 1 to 3 always have queued devices. A chunk of the first
    /// one times out if it is larger than 100 kB, and one of the second always fails.
    fn partly_failing_index() -> MockSearchIndex {
        let mut index = MockSearchIndex::new();
        index.expect_next_queued_workspace().returning(|after| {
            let next = after.map_or(1, |workspace| workspace.0 + 1);
            Ok((next <= 3).then_some(WorkspaceId(next)))
        });
        index
            .expect_index_chunk()
            .returning(|workspace, max_bytes| match workspace {
                WorkspaceId(1) if max_bytes > 100_000 => Err(IndexError::StatementTimeout(error())),
                WorkspaceId(2) => Err(error().into()),
                _ => Ok(Some(IndexedChunk {
                    devices: 1,
                    waited: Duration::ZERO,
                })),
            });
        index
    }

    #[tokio::test]
    async fn failing_workspace_does_not_stop_the_others() {
        let index = partly_failing_index();
        let mut indexer = Indexer::default();
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let pause = indexer.index_next(&index, &|| 0).await;
            pauses.push(pause.is_zero());
        }
        let (indexed, failed, end_of_round) = (true, false, true);
        let expected = [
            [failed, failed, indexed, end_of_round],
            [failed, failed, indexed, end_of_round],
            [indexed, failed, indexed, end_of_round],
        ];
        assert_eq!(pauses, expected.concat());
        // Only timeouts shrink chunks.
        assert_eq!(indexer.chunk_sizes.get(WorkspaceId(2)), MAX_CHUNK_BYTES);
    }

    #[tokio::test]
    async fn empty_queue_is_read_once_per_pause() {
        let mut index = MockSearchIndex::new();
        index.expect_next_queued_workspace().returning(|_| Ok(None));
        let pause = Indexer::default().index_next(&index, &|| 0).await;
        assert_eq!(pause, MAX_PAUSE);
    }
}
