//! Limits concurrent use of resources per workspace: requests in flight, large
//! bodies, uploads, imports and exports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use devices_domain::WorkspaceId;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::http::respond::api_error::ApiError;

/// A semaphore. A workspace gets a permit only while it holds fewer than are free. So one workspace
/// holds at most half of the permits, rounded up, two hold at most three quarters, and so on: slow
/// clients of a few workspaces cannot lock out others. Switches share their buffers in this way
/// (Choudhury and Hahne, "Dynamic queue length thresholds", 1998).
pub(crate) struct WorkspaceLimiter {
    max: usize,
    /// Cause that is logged if no permit is available.
    busy_message: &'static str,
    /// Permits held by each workspace that holds any.
    held: Mutex<HashMap<WorkspaceId, usize>>,
    /// Wakes up waiting tasks after a permit was released.
    released: Notify,
}

/// Permit of a workspace; released when it is dropped.
pub(crate) struct Permit {
    limiter: Arc<WorkspaceLimiter>,
    workspace: WorkspaceId,
}

impl WorkspaceLimiter {
    pub(crate) fn new(max: usize, busy_message: &'static str) -> Arc<Self> {
        Arc::new(Self {
            max,
            busy_message,
            held: Mutex::default(),
            released: Notify::new(),
        })
    }

    /// Returns the number of permits, in use or not.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Returns the number of permits in use.
    pub(crate) fn in_use(&self) -> usize {
        self.held().values().sum()
    }

    /// Takes a permit for the workspace.
    ///
    /// # Errors
    /// `Busy` if none is available.
    pub(crate) fn try_acquire(
        self: &Arc<Self>,
        workspace: WorkspaceId,
    ) -> Result<Permit, ApiError> {
        let mut held = self.held();
        let in_total: usize = held.values().sum();
        let of_workspace = held.get(&workspace).copied().unwrap_or_default();
        if of_workspace >= self.max - in_total {
            return Err(ApiError::Busy(self.busy_message));
        }
        held.insert(workspace, of_workspace + 1);
        Ok(Permit {
            limiter: Arc::clone(self),
            workspace,
        })
    }

    /// Takes a permit for the workspace; waits up to `timeout` for one.
    ///
    /// # Errors
    /// `Busy` if none becomes available in time.
    pub(crate) async fn acquire_timeout(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        timeout: Duration,
    ) -> Result<Permit, ApiError> {
        let deadline = Instant::now() + timeout;
        loop {
            // Registered before the attempt: a permit that is released in between is not missed.
            let mut released = std::pin::pin!(self.released.notified());
            released.as_mut().enable();
            match self.try_acquire(workspace) {
                Ok(permit) => return Ok(permit),
                Err(busy) => tokio::time::timeout_at(deadline, released)
                    .await
                    .map_err(|_| busy)?,
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<WorkspaceId, usize>> {
        // No code that holds the lock can panic half-way.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.limiter.held();
        if let Some(count) = held.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.workspace);
            }
        }
        drop(held);
        self.limiter.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_holds_at_most_half_of_the_permits() {
        for (max, half) in [(1, 1), (4, 2), (5, 3), (32, 16)] {
            let limiter = WorkspaceLimiter::new(max, "busy");
            assert_eq!(take_all(&limiter, 1).len(), half, "of {max}");
        }
    }

    #[test]
    fn each_workspace_leaves_permits_for_others() {
        let limiter = WorkspaceLimiter::new(32, "busy");
        let held: Vec<_> = (1..=6).map(|id| take_all(&limiter, id)).collect();
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [16, 8, 4, 2, 1, 1]);
        assert!(limiter.try_acquire(WorkspaceId(7)).is_err());
        drop(held);
        assert!(limiter.held().is_empty());
    }

    /// Takes permits for a workspace until it gets no more.
    fn take_all(limiter: &Arc<WorkspaceLimiter>, workspace: i64) -> Vec<Permit> {
        let permits = std::iter::repeat_with(|| limiter.try_acquire(WorkspaceId(workspace)));
        permits.map_while(Result::ok).collect()
    }

    #[tokio::test]
    async fn waiting_task_gets_the_released_permit() {
        let limiter = WorkspaceLimiter::new(1, "busy");
        let permit = limiter.try_acquire(WorkspaceId(1)).ok().unwrap();
        let timed_out = limiter.acquire_timeout(WorkspaceId(2), Duration::ZERO);
        assert!(timed_out.await.is_err());
        let waiting = {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move {
                let permit = limiter.acquire_timeout(WorkspaceId(2), Duration::from_secs(60));
                permit.await.is_ok()
            })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(permit);
        assert!(waiting.await.unwrap());
    }

    #[test]
    fn single_permit_is_available_to_any_workspace() {
        let limiter = WorkspaceLimiter::new(1, "busy");
        assert!(limiter.try_acquire(WorkspaceId(1)).is_ok());
    }
}
