//! Merges the changes of usage counts, and recounts them.

use std::time::Duration;

use devices_domain::RepositoryError;

/// Pause between two merges. Reading a count sums the changes since the last one, at most one for
/// each transaction.
const MERGE_INTERVAL: Duration = Duration::from_secs(1);

/// Pause between two checks for workspaces that are due for a recount.
const RECOUNT_CHECK_INTERVAL: Duration = Duration::from_secs(3_600);

/// Pause between recounts while more workspaces are due.
const RECOUNT_PAUSE: Duration = Duration::from_secs(1);

/// Calls `merge` every second. An error is logged, and the next call retries.
pub async fn run_merges<M, F>(merge: M)
where
    M: Fn() -> F,
    F: Future<Output = Result<usize, RepositoryError>>,
{
    loop {
        if let Err(error) = merge().await {
            tracing::warn!(%error, "cannot merge the changes of usage counts yet");
        }
        tokio::time::sleep(MERGE_INTERVAL).await;
    }
}

/// Calls `recount` at start and once per hour. It recounts some of the workspaces that are due, and
/// returns their number: 0 if none is left. An error is logged, and the next call retries.
pub async fn run_recounts<R, F>(recount: R)
where
    R: Fn() -> F,
    F: Future<Output = Result<usize, RepositoryError>>,
{
    loop {
        let pause = match recount().await {
            Ok(0) => RECOUNT_CHECK_INTERVAL,
            Ok(_) => RECOUNT_PAUSE,
            Err(error) => {
                tracing::warn!(%error, "cannot recount the usage of workspaces yet");
                RECOUNT_CHECK_INTERVAL
            }
        };
        tokio::time::sleep(pause).await;
    }
}
