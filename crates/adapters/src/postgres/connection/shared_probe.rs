//! A check that many callers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A blocking check that runs on a thread of its own, once at a time, however many callers wait for
/// it. Its result is reused for a while.
///
/// A thread and not a task: a check that hangs must block neither the runtime nor its shutdown.
pub(crate) struct SharedProbe {
    check: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Time for which a result is reused, errors included.
    ttl: Duration,
    /// Time after its start at which a check counts as failed.
    timeout: Duration,
    last: Mutex<Option<Check>>,
}

/// A check that has started.
#[derive(Clone)]
struct Check {
    started_at: tokio::time::Instant,
    outcome: watch::Receiver<Option<Outcome>>,
}

struct Outcome {
    finished_at: Instant,
    result: Result<(), String>,
}

impl SharedProbe {
    pub(crate) fn new(
        ttl: Duration,
        timeout: Duration,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            check: Arc::new(check),
            ttl,
            timeout,
            last: Mutex::default(),
        }
    }

    /// Returns the result of the last check if it is recent, else that of the check in progress,
    /// else that of a new one.
    ///
    /// # Errors
    /// The error of the check. A check that hangs fails at its timeout, and from then on at once,
    /// until it ends.
    pub(crate) async fn result(&self) -> Result<(), String> {
        let mut check = self.current()?;
        let deadline = check.started_at + self.timeout;
        let finished = check.outcome.wait_for(Option::is_some);
        match tokio::time::timeout_at(deadline, finished).await {
            Ok(Ok(outcome)) => match &*outcome {
                Some(outcome) => outcome.result.clone(),
                None => Err("the check has no result".to_owned()),
            },
            Ok(Err(_)) => Err("the check panicked".to_owned()),
            Err(_) => Err(format!(
                "the check did not end within {} ms",
                self.timeout.as_millis()
            )),
        }
    }

    /// Returns the check whose result counts now. Starts one if necessary.
    fn current(&self) -> Result<Check, String> {
        let mut last = self.last();
        if let Some(check) = last.as_ref()
            && check.is_current(self.ttl)
        {
            return Ok(check.clone());
        }
        let (sender, outcome) = watch::channel(None);
        let check = Arc::clone(&self.check);
        let thread = move || {
            let result = check();
            sender.send_replace(Some(Outcome {
                finished_at: Instant::now(),
                result,
            }));
        };
        std::thread::Builder::new()
            .name("health-probe".to_owned())
            .spawn(thread)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        let started = Check {
            started_at: tokio::time::Instant::now(),
            outcome,
        };
        *last = Some(started.clone());
        Ok(started)
    }

    fn last(&self) -> MutexGuard<'_, Option<Check>> {
        // No panic can leave it half-written.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check {
    /// Returns whether the check is in progress, or ended less than `ttl` ago.
    fn is_current(&self, ttl: Duration) -> bool {
        match &*self.outcome.borrow() {
            Some(outcome) => outcome.finished_at.elapsed() < ttl,
            // Without a result, the channel is closed only by a panic.
            None => self.outcome.has_changed().is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use futures_util::future::join_all;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    /// Creates a probe that counts its checks. Each ends when a result is sent.
    fn probe(
        ttl: Duration,
        timeout: Duration,
    ) -> (
        Arc<SharedProbe>,
        mpsc::Sender<Result<(), String>>,
        Arc<AtomicUsize>,
    ) {
        let (sender, results) = mpsc::channel();
        let results = Mutex::new(results);
        let count = Arc::new(AtomicUsize::default());
        let counter = Arc::clone(&count);
        let check = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            results.lock().unwrap().recv().unwrap()
        };
        (
            Arc::new(SharedProbe::new(ttl, timeout, check)),
            sender,
            count,
        )
    }

    #[tokio::test]
    async fn callers_share_one_check() {
        let (probe, results, count) = probe(LONG, LONG);
        results.send(Ok(())).unwrap();
        for result in join_all((0..20).map(|_| probe.result())).await {
            assert_eq!(result, Ok(()));
        }
        assert_eq!(probe.result().await, Ok(()));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn failure_is_reused() {
        let (probe, results, count) = probe(LONG, LONG);
        results.send(Err("read-only".to_owned())).unwrap();
        for _ in 0..3 {
            assert_eq!(probe.result().await, Err("read-only".to_owned()));
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn old_result_is_not_reused() {
        let (probe, results, count) = probe(Duration::ZERO, LONG);
        results.send(Err("read-only".to_owned())).unwrap();
        results.send(Ok(())).unwrap();
        assert!(probe.result().await.is_err());
        assert!(probe.result().await.is_ok());
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn hanging_check_fails_for_all_at_one_deadline() {
        let timeout = Duration::from_secs(2);
        let (probe, results, count) = probe(LONG, timeout);
        let start = tokio::time::Instant::now();
        for result in join_all((0..20).map(|_| probe.result())).await {
            assert!(result.unwrap_err().contains("2000 ms"));
        }
        // Later callers do not wait, and start no second check.
        assert!(probe.result().await.is_err());
        assert_eq!(start.elapsed(), timeout);
        results.send(Ok(())).unwrap();
        let mut check = probe.current().unwrap();
        check.outcome.wait_for(Option::is_some).await.unwrap();
        assert_eq!(probe.result().await, Ok(()));
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn check_runs_again_after_a_panic() {
        let (probe, results, count) = probe(LONG, LONG);
        drop(results);
        for expected in 1..=2 {
            assert_eq!(probe.result().await, Err("the check panicked".to_owned()));
            assert_eq!(count.load(Ordering::SeqCst), expected);
        }
    }
}
