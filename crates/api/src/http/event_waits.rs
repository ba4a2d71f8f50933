//! Requests that wait for events (`Prefer: wait`). They hold neither a connection to the database
//! nor a place among the requests in flight: one poll for all of them finds out which to wake.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devices_domain::{FeedMonitor, RepositoryError, WorkspaceId};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::http::limits::concurrency::{Permit, WorkspaceLimiter};

/// The requests of this server that wait for events.
pub struct EventWaits {
    limiter: Arc<WorkspaceLimiter>,
    next_id: AtomicU64,
    /// `None` when the server is shutting down.
    waiting: Mutex<Option<HashMap<u64, Waiting>>>,
}

/// A request that waits for events after a position.
struct Waiting {
    workspace: WorkspaceId,
    position: i64,
    wake: oneshot::Sender<()>,
}

/// Place of a request that waits. Free again when it is dropped.
pub(crate) struct Place {
    waits: Arc<EventWaits>,
    workspace: WorkspaceId,
    _permit: Permit,
}

impl EventWaits {
    /// Creates a registry for at most `max` waiting requests. A workspace has at most half of them,
    /// two have at most three quarters, and so on.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            limiter: WorkspaceLimiter::new(max, "the limit of waiting requests is reached"),
            next_id: AtomicU64::new(0),
            waiting: Mutex::new(Some(HashMap::new())),
        })
    }

    /// Returns the limiter of the places.
    pub(crate) fn limiter(&self) -> &Arc<WorkspaceLimiter> {
        &self.limiter
    }

    /// Returns a place for a request of the workspace. Returns `None` if all its places are taken,
    /// or the server is shutting down.
    pub(crate) fn try_acquire(self: &Arc<Self>, workspace: WorkspaceId) -> Option<Place> {
        let permit = self.limiter.try_acquire(workspace).ok()?;
        self.waiting().as_ref()?;
        Some(Place {
            waits: Arc::clone(self),
            workspace,
            _permit: permit,
        })
    }

    /// Looks for events that requests wait for, with one statement, and wakes these requests.
    ///
    /// # Errors
    /// If the database fails. All requests continue to wait.
    pub async fn poll(&self, monitor: &dyn FeedMonitor) -> Result<(), RepositoryError> {
        let workspaces: BTreeSet<_> = self
            .waiting()
            .iter()
            .flat_map(HashMap::values)
            .map(|waiting| waiting.workspace)
            .collect();
        if workspaces.is_empty() {
            return Ok(());
        }
        let ends = monitor.ends(workspaces.into_iter().collect()).await?;
        let ends: BTreeMap<_, _> = ends.into_iter().map(|end| (end.workspace, end)).collect();
        if let Some(waiting) = self.waiting().as_mut() {
            let is_due = |_: &u64, waiting: &mut Waiting| {
                let end = ends.get(&waiting.workspace);
                end.is_some_and(|end| end.is_after(waiting.position))
            };
            for (_, waiting) in waiting.extract_if(is_due) {
                // Fails if the client has disconnected.
                waiting.wake.send(()).ok();
            }
        }
        Ok(())
    }

    /// Ends all waits, and admits no others.
    pub(crate) fn close(&self) {
        drop(self.waiting().take());
    }

    fn waiting(&self) -> MutexGuard<'_, Option<HashMap<u64, Waiting>>> {
        // No code that holds the lock can panic half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits for an event after the position. Returns `false` if there is none before the deadline,
    /// or if the server shuts down.
    pub(crate) async fn wait(&self, position: i64, deadline: Instant) -> bool {
        let (wake, woken) = oneshot::channel();
        let id = self.waits.next_id.fetch_add(1, Ordering::Relaxed);
        let _registration = match self.waits.waiting().as_mut() {
            Some(waiting) => {
                let workspace = self.workspace;
                waiting.insert(
                    id,
                    Waiting {
                        workspace,
                        position,
                        wake,
                    },
                );
                Registration {
                    waits: &self.waits,
                    id,
                }
            }
            None => return false,
        };
        matches!(timeout_at(deadline, woken).await, Ok(Ok(())))
    }
}

/// Removes a request from the registry when it stops waiting, also if its client disconnects.
struct Registration<'a> {
    waits: &'a EventWaits,
    id: u64,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = self.waits.waiting().as_mut() {
            waiting.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use devices_domain::{FeedEnd, MockFeedMonitor};

    use super::*;

    const ACME: WorkspaceId = WorkspaceId(1);
    const GLOBEX: WorkspaceId = WorkspaceId(2);

    /// Starts to wait after a position, for at most an hour.
    async fn start(
        waits: &Arc<EventWaits>,
        workspace: WorkspaceId,
        position: i64,
    ) -> tokio::task::JoinHandle<bool> {
        let place = waits.try_acquire(workspace).unwrap();
        let deadline = Instant::now() + Duration::from_secs(3_600);
        let task = tokio::spawn(async move { place.wait(position, deadline).await });
        tokio::task::yield_now().await;
        task
    }

    /// Mocks feeds of which that of `GLOBEX` was never read.
    fn monitor(last_position: i64, has_more: bool) -> MockFeedMonitor {
        let mut monitor = MockFeedMonitor::new();
        monitor.expect_ends().returning(move |_| {
            Ok(vec![FeedEnd {
                workspace: ACME,
                last_position,
                has_more,
            }])
        });
        monitor
    }

    #[tokio::test]
    async fn poll_wakes_requests_before_the_end() {
        let waits = EventWaits::new(8);
        let behind = start(&waits, ACME, 6).await;
        let at_end = start(&waits, ACME, 7).await;
        let other = start(&waits, GLOBEX, 6).await;
        waits.poll(&monitor(7, false)).await.unwrap();
        assert!(behind.await.unwrap());
        assert!(!at_end.is_finished());
        waits.poll(&monitor(7, true)).await.unwrap();
        assert!(at_end.await.unwrap());
        assert!(!other.is_finished());
    }

    #[tokio::test]
    async fn no_statement_is_sent_without_waits() {
        let waits = EventWaits::new(8);
        waits.poll(&MockFeedMonitor::new()).await.unwrap();
        let place = waits.try_acquire(ACME).unwrap();
        assert!(!place.wait(1, Instant::now()).await);
        waits.poll(&MockFeedMonitor::new()).await.unwrap();
    }

    #[tokio::test]
    async fn failed_poll_wakes_nobody() {
        let waits = EventWaits::new(8);
        let waiting = start(&waits, ACME, 1).await;
        let mut failing = MockFeedMonitor::new();
        failing
            .expect_ends()
            .returning(|_| Err(RepositoryError::Unavailable("".into())));
        assert!(waits.poll(&failing).await.is_err());
        assert!(!waiting.is_finished());
    }

    #[tokio::test]
    async fn places_of_a_workspace_are_limited() {
        let waits = EventWaits::new(8);
        let places: Vec<_> = std::iter::from_fn(|| waits.try_acquire(ACME)).collect();
        assert_eq!(places.len(), 4);
        assert!(waits.try_acquire(GLOBEX).is_some());
        drop(places);
        assert!(waits.try_acquire(ACME).is_some());
    }

    #[tokio::test]
    async fn disconnected_request_leaves_nothing() {
        let waits = EventWaits::new(8);
        let waiting = start(&waits, ACME, 1).await;
        waiting.abort();
        assert!(waiting.await.is_err());
        assert_eq!(waits.waiting().as_ref().map(HashMap::len), Some(0));
    }

    #[tokio::test]
    async fn shutdown_ends_all_waits() {
        let waits = EventWaits::new(8);
        let waiting = start(&waits, ACME, 1).await;
        let late = waits.try_acquire(ACME).unwrap();
        waits.close();
        assert!(!waiting.await.unwrap());
        assert!(
            !late
                .wait(1, Instant::now() + Duration::from_secs(3_600))
                .await
        );
        assert!(waits.try_acquire(ACME).is_none());
    }
}
