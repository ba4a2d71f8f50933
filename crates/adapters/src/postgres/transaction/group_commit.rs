//! Group commit: while the workers of a workspace are busy, its requests queue. A free worker takes
//! as many as fit into one group, and runs them together, in one transaction. A request never waits
//! for others to arrive.
//!
//! Unlike PostgreSQL's own group commit, the requests share a transaction, not only a flush.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use devices_domain::{RepositoryError, WorkspaceId};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Work that handles the requests of several callers of one workspace in one run.
#[async_trait]
pub(crate) trait GroupWork: Send + Sync + 'static {
    /// Request of one caller.
    type Request: Send;
    /// Response to one caller.
    type Response: Send;

    /// Maximum size of a group, in the unit of [`size`](Self::size). A larger request runs alone.
    const MAX_GROUP_SIZE: usize;
    /// Maximum number of groups of a workspace that run at the same time.
    const CONCURRENCY: usize;

    /// Returns the size of a request.
    fn size(request: &Self::Request) -> usize;

    /// Runs a group. MUST return one response per request, in the order of the requests. The caller
    /// of a request without a response gets [`InDoubt`](RepositoryError::InDoubt).
    async fn run(
        &self,
        workspace: WorkspaceId,
        requests: Vec<Self::Request>,
    ) -> Vec<Self::Response>;
}

/// Collects the requests of each workspace into groups, and runs them. Clones share the queues.
pub(crate) struct GroupCommitter<T: GroupWork>(Arc<Shared<T>>);

struct Shared<T: GroupWork> {
    work: T,
    /// Longest time that a request waits for its group to start.
    start_timeout: Duration,
    /// Runtime of the workers. `None`: that of the `submit` call that starts the worker. Captured
    /// at construction, because a submitter may run on a runtime that ends before its group
    /// commits, such as that of an HTTP worker during shutdown.
    runtime: Option<Handle>,
    /// Id of the next request. Unique among all queues: the queue of a workspace may be dropped and
    /// opened anew before a caller withdraws its request.
    next_id: AtomicU64,
    /// Queues of the workspaces that have a worker.
    queues: Mutex<HashMap<WorkspaceId, Queue<T>>>,
}

struct Queue<T: GroupWork> {
    waiting: VecDeque<QueuedRequest<T>>,
    workers: usize,
}

struct QueuedRequest<T: GroupWork> {
    id: u64,
    request: T::Request,
    sender: oneshot::Sender<T::Response>,
}

impl<T: GroupWork> Clone for GroupCommitter<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: GroupWork> GroupCommitter<T> {
    /// Creates a committer that runs groups on the current runtime. Without a current runtime,
    /// groups run on that of the `submit` call that starts a worker.
    pub(crate) fn new(work: T, start_timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            work,
            start_timeout,
            runtime: Handle::try_current().ok(),
            next_id: AtomicU64::default(),
            queues: Mutex::default(),
        }))
    }

    /// Returns the work, for callers that bypass the queue.
    pub(crate) fn work(&self) -> &T {
        &self.0.work
    }

    /// Runs a request: immediately if fewer than [`CONCURRENCY`](GroupWork::CONCURRENCY) groups of
    /// the workspace are running, otherwise in a later group. Cancelling the caller does not cancel
    /// the request, whether it is queued or running.
    ///
    /// # Errors
    /// [`Unavailable`](RepositoryError::Unavailable) if its group did not start in time; the
    /// request is then never run. [`InDoubt`](RepositoryError::InDoubt) if the group ended without
    /// a response: the work panicked, or the last worker of the workspace panicked while the
    /// request was queued, or the runtime shut down.
    pub(crate) async fn submit(
        &self,
        workspace: WorkspaceId,
        request: T::Request,
    ) -> Result<T::Response, RepositoryError> {
        let (sender, mut receiver) = oneshot::channel();
        let (id, needs_worker) = self.0.enqueue(workspace, request, sender);
        if needs_worker {
            let worker = Worker {
                shared: Arc::clone(&self.0),
                workspace,
                is_finished: false,
            };
            match &self.0.runtime {
                Some(runtime) => drop(runtime.spawn(worker.run())),
                None => drop(tokio::spawn(worker.run())),
            }
        }
        let started = tokio::time::timeout(self.0.start_timeout, &mut receiver).await;
        let response = match started {
            Ok(response) => response,
            Err(_) if self.0.withdraw(workspace, id) => {
                return Err(RepositoryError::Unavailable(
                    "timeout while waiting for other requests of the workspace".into(),
                ));
            }
            // No longer queued: its group started, or a panic dropped the queue. Only the channel
            // shows the outcome.
            Err(_) => receiver.await,
        };
        response.map_err(|_| RepositoryError::InDoubt("the group ended without a response".into()))
    }
}

impl<T: GroupWork> Shared<T> {
    fn queues(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Queue<T>>> {
        // A panic under the lock leaves the queues consistent, so poisoning is ignored.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a request to its queue. Returns its id, and whether the caller must start a worker,
    /// which is counted already.
    fn enqueue(
        &self,
        workspace: WorkspaceId,
        request: T::Request,
        sender: oneshot::Sender<T::Response>,
    ) -> (u64, bool) {
        let mut queues = self.queues();
        let queue = queues.entry(workspace).or_insert_with(|| Queue {
            waiting: VecDeque::new(),
            workers: 0,
        });
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        queue.waiting.push_back(QueuedRequest {
            id,
            request,
            sender,
        });
        let needs_worker = queue.workers < T::CONCURRENCY;
        queue.workers += usize::from(needs_worker);
        (id, needs_worker)
    }

    /// Removes a request from the queue. Returns `true` if it was still waiting.
    fn withdraw(&self, workspace: WorkspaceId, id: u64) -> bool {
        let mut queues = self.queues();
        let Some(queue) = queues.get_mut(&workspace) else {
            return false;
        };
        let index = queue.waiting.iter().position(|queued| queued.id == id);
        index
            .and_then(|index| queue.waiting.remove(index))
            .is_some()
    }
}

/// Runs groups of a workspace until the queue of the workspace is empty.
struct Worker<T: GroupWork> {
    shared: Arc<Shared<T>>,
    workspace: WorkspaceId,
    is_finished: bool,
}

impl<T: GroupWork> Worker<T> {
    async fn run(mut self) {
        loop {
            let group = self.next_group();
            if group.is_empty() {
                return;
            }
            let (requests, senders): (Vec<_>, Vec<_>) = group
                .into_iter()
                .map(|queued| (queued.request, queued.sender))
                .unzip();
            let responses = self.shared.work.run(self.workspace, requests).await;
            for (sender, response) in senders.into_iter().zip(responses) {
                // Fails if the caller was cancelled, and so needs no response.
                drop(sender.send(response));
            }
        }
    }

    /// Takes the oldest waiting requests, up to the maximum size of a group. If there are none, the
    /// worker counts as finished from then on, and the next request starts another one.
    fn next_group(&mut self) -> Vec<QueuedRequest<T>> {
        let mut queues = self.shared.queues();
        let mut group = Vec::new();
        let Some(queue) = queues.get_mut(&self.workspace) else {
            return group;
        };
        let mut size = 0;
        while let Some(next) = queue.waiting.front() {
            size += T::size(&next.request);
            if size > T::MAX_GROUP_SIZE && !group.is_empty() {
                break;
            }
            group.extend(queue.waiting.pop_front());
        }
        if group.is_empty() {
            self.is_finished = true;
            remove_worker(&mut queues, self.workspace);
        }
        group
    }
}

/// Removes a worker whose work panicked. If it was the last one of the workspace, the waiting
/// requests are dropped, and their callers receive an error.
impl<T: GroupWork> Drop for Worker<T> {
    fn drop(&mut self) {
        if !self.is_finished {
            remove_worker(&mut self.shared.queues(), self.workspace);
        }
    }
}

fn remove_worker<T: GroupWork>(
    queues: &mut HashMap<WorkspaceId, Queue<T>>,
    workspace: WorkspaceId,
) {
    let Some(queue) = queues.get_mut(&workspace) else {
        return;
    };
    queue.workers -= 1;
    if queue.workers == 0 {
        queues.remove(&workspace);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Semaphore;

    use super::*;

    /// Groups in the order in which they started.
    type StartedGroups = Arc<Mutex<Vec<Vec<usize>>>>;

    /// Responds to each request with the number of requests in its group. A group waits for a
    /// permit. A request of size 0 panics.
    struct GroupLength {
        permits: Arc<Semaphore>,
        started: StartedGroups,
    }

    #[async_trait]
    impl GroupWork for GroupLength {
        type Request = usize;
        type Response = usize;

        const MAX_GROUP_SIZE: usize = 10;
        const CONCURRENCY: usize = 1;

        fn size(request: &usize) -> usize {
            *request
        }

        async fn run(&self, _: WorkspaceId, requests: Vec<usize>) -> Vec<usize> {
            self.started.lock().unwrap().push(requests.clone());
            self.permits.acquire().await.unwrap().forget();
            assert!(!requests.contains(&0), "a request that panics");
            vec![requests.len(); requests.len()]
        }
    }

    struct Fixture {
        committer: GroupCommitter<GroupLength>,
        permits: Arc<Semaphore>,
        started: StartedGroups,
    }

    impl Fixture {
        fn new() -> Self {
            Self::with_start_timeout(Duration::from_secs(60))
        }

        fn with_start_timeout(start_timeout: Duration) -> Self {
            let (permits, started) = (Arc::new(Semaphore::new(0)), Arc::default());
            let work = GroupLength {
                permits: Arc::clone(&permits),
                started: Arc::clone(&started),
            };
            Self {
                committer: GroupCommitter::new(work, start_timeout),
                permits,
                started,
            }
        }

        /// Submits all requests before the first group can finish.
        async fn submit(&self, requests: &[usize]) -> Vec<Result<usize, RepositoryError>> {
            let mut tasks = Vec::new();
            for request in requests.iter().copied() {
                let committer = self.committer.clone();
                tasks.push(tokio::spawn(async move {
                    committer.submit(WorkspaceId(1), request).await
                }));
                tokio::task::yield_now().await;
            }
            self.permits.add_permits(requests.len());
            let mut responses = Vec::new();
            for task in tasks {
                responses.push(task.await.unwrap());
            }
            responses
        }

        fn started(&self) -> Vec<Vec<usize>> {
            self.started.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn waiting_requests_form_one_group_in_order() {
        let fixture = Fixture::new();
        let responses = fixture.submit(&[1, 2, 3, 4]).await;
        let responses: Vec<_> = responses.into_iter().map(Result::unwrap).collect();
        assert_eq!(responses, [1, 3, 3, 3]);
        assert_eq!(fixture.started(), [vec![1], vec![2, 3, 4]]);
    }

    #[tokio::test]
    async fn group_size_is_limited() {
        let fixture = Fixture::new();
        fixture.submit(&[1, 5, 5, 1, 20, 1]).await;
        assert_eq!(
            fixture.started(),
            [vec![1], vec![5, 5], vec![1], vec![20], vec![1]]
        );
    }

    #[tokio::test]
    async fn timed_out_request_never_runs() {
        let fixture = Fixture::with_start_timeout(Duration::from_millis(20));
        let committer = fixture.committer.clone();
        let first = tokio::spawn(async move { committer.submit(WorkspaceId(1), 1).await });
        while fixture.started().is_empty() {
            tokio::task::yield_now().await;
        }
        let late = fixture.committer.submit(WorkspaceId(1), 2).await;
        assert!(matches!(late, Err(RepositoryError::Unavailable(_))));
        fixture.permits.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(fixture.started(), [vec![1]]);
    }

    #[tokio::test]
    async fn withdrawal_spares_the_next_queue_of_the_workspace() {
        let shared = Fixture::new().committer.0;
        let workspace = WorkspaceId(1);
        let (old_id, _) = shared.enqueue(workspace, 1, oneshot::channel().0);
        remove_worker(&mut shared.queues(), workspace);
        let (new_id, _) = shared.enqueue(workspace, 1, oneshot::channel().0);
        assert!(!shared.withdraw(workspace, old_id));
        assert!(shared.withdraw(workspace, new_id));
    }

    #[tokio::test]
    async fn panic_fails_its_group_and_later_requests_run() {
        let fixture = Fixture::new();
        // The second request waits behind the group that panics.
        for response in fixture.submit(&[0, 1]).await {
            assert!(matches!(response, Err(RepositoryError::InDoubt(_))));
        }
        assert_eq!(*fixture.submit(&[1]).await[0].as_ref().unwrap(), 1);
        assert!(fixture.committer.0.queues().is_empty());
    }
}
