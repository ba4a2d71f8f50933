//! Group commit: while the workers of a workspace are busy, its requests queue. A free worker takes
//! as many as fit into one group, and runs them together, in one transaction. A request never waits
//! for others to arrive.
//!
//! Unlike PostgreSQL's own group commit, the requests share a transaction, not only a flush.
//!
//! A worker runs its groups on one blocking thread, and sends the responses from there: a request
//! that does not wait takes one hand-off to that thread, and one back (ADR 36).

mod queue;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use devices_domain::{Admission, RepositoryError, WorkspaceId};
use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use crate::postgres::connection::database::Database;
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::sampled_trace::SampledTrace;
use queue::{QueuedRequest, Queues, Withdrawal};
use worker::Worker;

/// Work that handles the requests of several callers of one workspace in one run.
#[async_trait]
pub(crate) trait GroupWork: Send + Sync + 'static {
    /// Request of one caller.
    type Request: Send + Sync + 'static;
    /// Response to one caller.
    type Response: Send + 'static;
    /// Error of one caller.
    type Error: From<RepositoryError> + Send + 'static;
    /// State of a group that cannot be completed while it holds a connection.
    type Unfinished: Send + 'static;

    /// Maximum size of a group, in the unit of [`size`](Self::size). A larger request runs alone.
    const MAX_GROUP_SIZE: usize;
    /// Maximum number of groups of a workspace that run at the same time.
    const CONCURRENCY: usize;

    /// Returns the size of a request.
    fn size(request: &Self::Request) -> usize;

    /// Returns the handle through which the groups of a workspace get their connections.
    fn database(&self, workspace: WorkspaceId) -> Database;

    /// Runs a group on a blocking thread. MUST return one result per request, in the order of the
    /// requests, and MUST pass the gate before it commits. The caller of a request without a result
    /// gets [`InDoubt`](RepositoryError::InDoubt).
    fn run(
        &self,
        lease: &mut Lease,
        gate: &CommitGate,
        workspace: WorkspaceId,
        requests: &[Self::Request],
    ) -> Result<Vec<GroupResult<Self>>, GroupError<Self::Unfinished>>;

    /// Completes a group without its connection. MUST return results like [`run`](Self::run), in a
    /// bounded time.
    async fn finish(
        &self,
        workspace: WorkspaceId,
        requests: Vec<Self::Request>,
        unfinished: Self::Unfinished,
    ) -> Vec<GroupResult<Self>>;
}

/// Result of one caller.
pub(crate) type GroupResult<T> = Result<<T as GroupWork>::Response, <T as GroupWork>::Error>;

/// Reason why a group has no results.
pub(crate) enum GroupError<U> {
    /// The group failed. Every caller gets this error.
    Failed(RepositoryError),
    /// The group needs [`finish`](GroupWork::finish).
    Unfinished(U),
}

impl<U> From<RepositoryError> for GroupError<U> {
    fn from(error: RepositoryError) -> Self {
        Self::Failed(error)
    }
}

/// Collects the requests of each workspace into groups, and runs them. Clones share the queues.
pub(crate) struct GroupCommitter<T: GroupWork>(Arc<Shared<T>>);

struct Shared<T: GroupWork> {
    work: T,
    queues: Queues<T>,
    /// Longest time that a request waits for its group to start.
    start_timeout: Duration,
}

impl<T: GroupWork> Clone for GroupCommitter<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: GroupWork> GroupCommitter<T> {
    /// Creates a committer. A request waits at most for `start_timeout` until its group starts, and
    /// from then on for the [answer timeout](Database::answer_timeout).
    pub(crate) fn new(work: T, start_timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            work,
            queues: Queues::default(),
            start_timeout,
        }))
    }

    /// Returns the work, for callers that bypass the queue.
    pub(crate) fn work(&self) -> &T {
        &self.0.work
    }

    /// Runs the request of a caller, if it is admitted: immediately if fewer than
    /// [`CONCURRENCY`](GroupWork::CONCURRENCY) groups of the workspace are running, otherwise in a
    /// later group. Cancelling the caller does not cancel the request, whether it is queued or
    /// running.
    ///
    /// # Errors
    /// [`Unavailable`](RepositoryError::Unavailable) if its group did not start in time, or will
    /// not commit; the request then has no effect. [`InDoubt`](RepositoryError::InDoubt) if the
    /// database did not respond to COMMIT in time, or if the group ended without a result: the work
    /// panicked, or the last worker of the workspace panicked while the request was queued, or the
    /// runtime shut down.
    pub(crate) async fn submit(
        &self,
        workspace: WorkspaceId,
        request: T::Request,
        admission: Option<Arc<Admission>>,
    ) -> GroupResult<T> {
        let (sender, mut receiver) = oneshot::channel();
        let trace = admission
            .as_ref()
            .and_then(|admission| admission.sampled_trace());
        let queued = QueuedRequest {
            request,
            admission,
            trace: trace.map(SampledTrace::of_current_request),
            sender,
        };
        let (id, needs_worker) = self.0.queues.push(workspace, queued);
        if needs_worker {
            Worker::start(Arc::clone(&self.0), workspace);
        }
        if let Ok(received) = timeout(self.0.start_timeout, &mut receiver).await {
            return received.unwrap_or_else(|_| Err(no_result().into()));
        }
        match self.0.queues.withdraw(workspace, id) {
            Withdrawal::Withdrawn => return Err(self.start_timed_out(workspace).into()),
            Withdrawal::Running(run) => {
                if let Ok(received) = timeout_at(run.deadline(), &mut receiver).await {
                    return received.unwrap_or_else(|_| Err(no_result().into()));
                }
                if self.0.queues.abandon(workspace, &run) {
                    Worker::start(Arc::clone(&self.0), workspace);
                }
                if run.is_abandoned() {
                    return Err(run.gate().timeout_error().into());
                }
            }
            // The result is on its way: `finish` takes a bounded time.
            Withdrawal::Ended => {}
        }
        receiver.await.unwrap_or_else(|_| Err(no_result().into()))
    }

    fn start_timed_out(&self, workspace: WorkspaceId) -> RepositoryError {
        self.0.work.database(workspace).count_pool_timeout();
        RepositoryError::Unavailable(
            "timeout while waiting for a free connection or for other requests of the workspace"
                .into(),
        )
    }
}

/// Returns the error of a request whose sender was dropped.
fn no_result() -> RepositoryError {
    RepositoryError::InDoubt("the group ended without a result".into())
}
