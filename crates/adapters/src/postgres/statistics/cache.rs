//! Cache of the overviews of all workspaces, with single flight and stale-while-revalidate.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use devices_domain::{Overview, RepositoryError, WorkspaceId};
use tokio::sync::watch;

use crate::postgres::connection::database::Database;

/// A workspace, and the day of a result.
type Key = (WorkspaceId, NaiveDate);

/// Result of a count, which all that wait for it receive. `None` while it runs.
type Counted = Option<Result<Overview, Arc<RepositoryError>>>;

/// Multiple of the time that a result took for which it is fresh. Counting thus takes at most a
/// twentieth of the time of one connection.
const FRESH_FACTOR: u32 = 20;

/// Number of devices, archived ones included, from which on a result is cached. Counting fewer
/// takes some 12 ms, so their result is never old.
const MIN_DEVICES: u64 = 20_000;

/// Number of cached results above which those that are too old are removed.
const CLEANUP_THRESHOLD: usize = 1_000;

/// Cache of the last overview of each workspace and day.
#[derive(Default)]
pub(crate) struct OverviewCache(Mutex<State>);

#[derive(Default)]
struct State {
    last: HashMap<Key, CachedOverview>,
    /// Counts in flight, at most one per workspace.
    in_flight: HashMap<WorkspaceId, InFlightCount>,
}

/// A count in flight. All requests that wait for it share its result.
#[derive(Clone)]
struct InFlightCount {
    day: NaiveDate,
    counted: watch::Receiver<Counted>,
}

struct CachedOverview {
    overview: Overview,
    started_at: Instant,
    took: Duration,
}

impl CachedOverview {
    fn is_fresh(&self) -> bool {
        self.started_at.elapsed() <= self.took * FRESH_FACTOR
    }

    fn is_too_old(&self) -> bool {
        self.started_at.elapsed() > Overview::MAX_AGE
    }
}

impl OverviewCache {
    /// Returns a fresh result, or a stale one while `count` runs in the background, or otherwise
    /// waits for that. One count per workspace runs at a time.
    pub(super) async fn get<F>(
        self: &Arc<Self>,
        database: &Database,
        key: Key,
        count: impl Fn() -> F,
    ) -> Result<Overview, RepositoryError>
    where
        F: Future<Output = Result<Overview, RepositoryError>> + Send + 'static,
    {
        loop {
            let mut running = {
                let mut state = self.lock();
                let last = state.last.get(&key);
                if let Some(last) = last.filter(|last| last.is_fresh()) {
                    return Ok(last.overview.clone());
                }
                let usable = last.filter(|last| !last.is_too_old());
                let usable = usable.map(|last| last.overview.clone());
                let start = || self.start(database, key, count());
                let running = state.in_flight.entry(key.0).or_insert_with(start).clone();
                if let Some(overview) = usable {
                    return Ok(overview);
                }
                running
            };
            let counted = running.counted.wait_for(Option::is_some).await;
            let counted = counted.ok().and_then(|counted| counted.clone());
            match counted {
                // The count of another day has ended.
                Some(_) if running.day != key.1 => {}
                Some(Ok(overview)) => return Ok(overview),
                Some(Err(error)) => return Err(shared(&error)),
                None => {
                    let cause = "counting the devices ended";
                    return Err(RepositoryError::Failed(cause.into()));
                }
            }
        }
    }

    /// Starts a count, which does not end with the caller.
    fn start(
        self: &Arc<Self>,
        database: &Database,
        key: Key,
        count: impl Future<Output = Result<Overview, RepositoryError>> + Send + 'static,
    ) -> InFlightCount {
        let (sender, counted) = watch::channel(None);
        // Ends the count even if it panics.
        let guard = InFlightGuard {
            cache: Arc::clone(self),
            workspace: key.0,
        };
        database.spawn(async move {
            let started_at = Instant::now();
            let counted = count.await;
            if let Ok(overview) = &counted {
                guard.cache.insert(key, overview.clone(), started_at);
            }
            drop(guard);
            sender.send_replace(Some(counted.map_err(Arc::new)));
        });
        InFlightCount {
            day: key.1,
            counted,
        }
    }

    fn insert(&self, key: Key, overview: Overview, started_at: Instant) {
        let last = CachedOverview {
            overview,
            started_at,
            took: started_at.elapsed(),
        };
        let mut state = self.lock();
        if last.overview.total + last.overview.archived < MIN_DEVICES {
            state.last.remove(&key);
            return;
        }
        state.last.insert(key, last);
        if state.last.len() > CLEANUP_THRESHOLD {
            state.last.retain(|_, last| !last.is_too_old());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No statement under the lock leaves the state invalid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the count of a workspace from those in flight when it is dropped.
struct InFlightGuard {
    cache: Arc<OverviewCache>,
    workspace: WorkspaceId,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.cache.lock().in_flight.remove(&self.workspace);
    }
}

/// Returns the error of a count for one of those that waited for it.
fn shared(error: &Arc<RepositoryError>) -> RepositoryError {
    let cause = Box::new(Arc::clone(error));
    match **error {
        RepositoryError::Failed(_) => RepositoryError::Failed(cause),
        _ => RepositoryError::Unavailable(cause),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Counts that each wait for a permit. The count of a workspace without one does not end.
    struct Counts {
        cache: Arc<OverviewCache>,
        database: Database,
        permits: Arc<Semaphore>,
        started: Arc<AtomicU64>,
        devices: u64,
    }

    impl Counts {
        fn new(devices: u64) -> Self {
            let options = crate::postgres::DatabaseOptions {
                pool_size: 1,
                pool_timeout: Duration::from_secs(1),
                statement_timeout: Duration::from_secs(1),
                lock_timeout: Duration::from_secs(1),
                plan_lifetime: Duration::from_secs(1),
                serving_role: None,
                session: crate::postgres::SessionSettings::Unmanaged,
            };
            Self {
                cache: Arc::default(),
                database: Database::new("postgres://unused", &options).unwrap(),
                permits: Arc::new(Semaphore::new(0)),
                started: Arc::default(),
                devices,
            }
        }

        /// Returns the number of the count that had the result.
        async fn get(&self, day: u32) -> Result<u64, RepositoryError> {
            let key = (
                WorkspaceId(1),
                NaiveDate::from_ymd_opt(2030, 1, day).unwrap(),
            );
            let count = || {
                let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
                let (permits, devices) = (Arc::clone(&self.permits), self.devices);
                async move {
                    permits.acquire().await.unwrap().forget();
                    if devices == 0 {
                        return Err(RepositoryError::Unavailable("no answer".into()));
                    }
                    Ok(Overview {
                        total: devices,
                        archived: 0,
                        by_status: Vec::new(),
                        by_type: Vec::new(),
                        by_brand: Vec::new(),
                        warranty_ending: number,
                        rental_ending: 0,
                        counted_at: chrono::Utc::now(),
                    })
                }
            };
            let overview = self.cache.get(&self.database, key, count).await?;
            Ok(overview.warranty_ending)
        }

        fn allow(&self, counts: usize) {
            self.permits.add_permits(counts);
        }
    }

    #[tokio::test]
    async fn concurrent_requests_share_one_count() {
        let counts = Counts::new(1);
        let requests = join_all((0..10).map(|_| counts.get(1)));
        let (results, ()) = tokio::join!(requests, async { counts.allow(1) });
        assert!(results.into_iter().all(|result| result.unwrap() == 1));
        // The result of a small workspace is not cached.
        counts.allow(1);
        assert_eq!(counts.get(1).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn stale_result_is_served_during_a_recount() {
        let counts = Counts::new(MIN_DEVICES);
        counts.allow(1);
        assert_eq!(counts.get(1).await.unwrap(), 1);
        // The second count never ends.
        while counts.started.load(Ordering::Relaxed) < 2 {
            assert_eq!(counts.get(1).await.unwrap(), 1);
        }
        assert_eq!(counts.get(1).await.unwrap(), 1);
        assert_eq!(counts.started.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn count_of_another_day_waits_for_the_running_one() {
        let counts = Counts::new(MIN_DEVICES);
        let (first, second, ()) =
            tokio::join!(counts.get(1), counts.get(2), async { counts.allow(2) });
        assert_eq!([first.unwrap(), second.unwrap()], [1, 2]);
    }

    #[tokio::test]
    async fn failed_count_fails_all_that_wait() {
        let counts = Counts::new(0);
        let requests = join_all((0..3).map(|_| counts.get(1)));
        let (results, ()) = tokio::join!(requests, async { counts.allow(1) });
        for result in results {
            assert!(matches!(result, Err(RepositoryError::Unavailable(_))));
        }
        assert!(counts.cache.lock().in_flight.is_empty());
    }
}
