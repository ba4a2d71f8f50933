//! WorkspaceLimiter for what takes much memory, or long: large bodies with what is made of them, and exports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use devices_domain::WorkspaceId;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::http::respond::api_error::ApiError;

/// As many places as there may be of something at once. One workspace has half of them at most, so that
/// its slow clients do not keep out the others.
pub(crate) struct WorkspaceLimiter {
    most: usize,
    /// What is told where there is none left.
    taken: &'static str,
    /// How many each workspace has, of those that have any.
    held: Mutex<HashMap<WorkspaceId, usize>>,
    /// Tells those who wait that a place was given back.
    freed: Notify,
}

/// A place, given back when it is dropped.
pub(crate) struct Permit {
    places: Arc<WorkspaceLimiter>,
    workspace: WorkspaceId,
}

impl WorkspaceLimiter {
    pub(crate) fn new(most: usize, taken: &'static str) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken,
            held: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// A place for this workspace.
    pub(crate) fn admit(self: &Arc<Self>, workspace: WorkspaceId) -> Result<Permit, ApiError> {
        let mut held = self.held();
        let all: usize = held.values().sum();
        let own = held.get(&workspace).copied().unwrap_or_default();
        if all >= self.most || own >= self.most.div_ceil(2) {
            return Err(ApiError::Busy(self.taken));
        }
        held.insert(workspace, own + 1);
        Ok(Permit {
            places: Arc::clone(self),
            workspace,
        })
    }

    /// A place for this workspace, as soon as there is one.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        patience: Duration,
    ) -> Result<Permit, ApiError> {
        let deadline = Instant::now() + patience;
        loop {
            // Listened for from before the look on: a place that is given back in between is not missed.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            match self.admit(workspace) {
                Ok(place) => return Ok(place),
                Err(busy) => tokio::time::timeout_at(deadline, freed)
                    .await
                    .map_err(|_| busy)?,
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<WorkspaceId, usize>> {
        // Nothing is done with it that could panic half-way.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.places.held();
        if let Some(count) = held.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.workspace);
            }
        }
        drop(held);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_workspace_has_half_of_the_places_and_gives_them_back() {
        let bodies = WorkspaceLimiter::new(4, "all are taken");
        let (one, other, third) = (WorkspaceId(1), WorkspaceId(2), WorkspaceId(3));
        let held: Vec<_> = (0..2).map(|_| bodies.admit(one).ok().unwrap()).collect();
        assert!(bodies.admit(one).is_err());
        let others: Vec<_> = (0..2).map(|_| bodies.admit(other).ok().unwrap()).collect();
        assert!(bodies.admit(third).is_err());
        drop(held);
        assert!(bodies.admit(one).is_ok() && bodies.admit(third).is_ok());
        drop(others);
        assert!(bodies.held().is_empty());
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_is_given_back_and_not_before() {
        let bodies = WorkspaceLimiter::new(1, "all are taken");
        let held = bodies.admit(WorkspaceId(1)).ok().unwrap();
        assert!(bodies.wait(WorkspaceId(2), Duration::ZERO).await.is_err());
        let waiting = {
            let bodies = Arc::clone(&bodies);
            let patience = Duration::from_secs(60);
            tokio::spawn(async move { bodies.wait(WorkspaceId(2), patience).await.is_ok() })
        };
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        assert!(waiting.await.unwrap());
    }

    #[test]
    fn where_there_is_one_place_anybody_may_have_it() {
        let bodies = WorkspaceLimiter::new(1, "all are taken");
        assert!(bodies.admit(WorkspaceId(1)).is_ok());
    }
}
