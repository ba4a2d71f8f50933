use std::sync::Mutex;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;
use crate::postgres::connection::options::{DatabaseOptions, SessionSettings};

const ACME: WorkspaceId = WorkspaceId(1);
const GLOBEX: WorkspaceId = WorkspaceId(2);

/// A request that panics.
const PANIC: usize = 0;
/// A request that passes the gate before it waits.
const COMMIT: usize = 7;
/// A request that is completed without its connection.
const UNFINISHED: usize = 9;

/// Responds to each request with the number of requests in its group. A group waits for a permit.
struct GroupLength {
    database: Database,
    permits: Arc<Semaphore>,
    /// Groups in the order in which they started.
    started: Arc<Mutex<Vec<Vec<usize>>>>,
}

#[async_trait]
impl GroupWork for GroupLength {
    type Request = usize;
    type Response = usize;
    type Error = RepositoryError;
    type Unfinished = ();

    const MAX_GROUP_SIZE: usize = 10;
    const CONCURRENCY: usize = 1;

    fn size(request: &usize) -> usize {
        *request
    }

    fn database(&self, workspace: WorkspaceId) -> Database {
        self.database.for_workspace(workspace)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a group runs on a blocking thread"
    )]
    fn run(
        &self,
        _: &mut Lease,
        gate: &CommitGate,
        _: WorkspaceId,
        requests: &[usize],
    ) -> Result<Vec<GroupResult<Self>>, GroupError<()>> {
        self.started.lock().unwrap().push(requests.to_vec());
        assert!(!requests.contains(&COMMIT) || gate.commit().is_ok());
        let permit = Handle::current().block_on(self.permits.acquire());
        permit.unwrap().forget();
        assert!(!requests.contains(&PANIC), "a request that panics");
        if requests.contains(&UNFINISHED) {
            return Err(GroupError::Unfinished(()));
        }
        Ok(requests.iter().map(|_| Ok(requests.len())).collect())
    }

    async fn finish(
        &self,
        workspace: WorkspaceId,
        requests: Vec<usize>,
        (): (),
    ) -> Vec<GroupResult<Self>> {
        let lease = self.database(workspace).lease().await;
        let is_leased = usize::from(lease.is_ok());
        requests.iter().map(|_| Ok(is_leased)).collect()
    }
}

struct Fixture {
    committer: GroupCommitter<GroupLength>,
    permits: Arc<Semaphore>,
    started: Arc<Mutex<Vec<Vec<usize>>>>,
}

impl Fixture {
    fn new() -> Self {
        Self::with_timeouts(Duration::from_secs(60), Duration::from_secs(60))
    }

    /// Creates a committer on a database with one connection, which no test uses.
    fn with_timeouts(start_timeout: Duration, answer_timeout: Duration) -> Self {
        let options = DatabaseOptions {
            pool_size: 1,
            pool_timeout: Duration::from_millis(1),
            statement_timeout: answer_timeout / 2,
            lock_timeout: Duration::ZERO,
            plan_lifetime: Duration::from_secs(5),
            serving_role: None,
            session: SessionSettings::Unmanaged,
        };
        let (permits, started) = (Arc::new(Semaphore::new(0)), Arc::default());
        let work = GroupLength {
            database: Database::new("postgres://nowhere", &options).unwrap(),
            permits: Arc::clone(&permits),
            started: Arc::clone(&started),
        };
        Self {
            committer: GroupCommitter::new(work, start_timeout),
            permits,
            started,
        }
    }

    /// Submits a request, which is queued when this returns.
    async fn spawn(
        &self,
        workspace: WorkspaceId,
        request: usize,
    ) -> JoinHandle<Result<usize, RepositoryError>> {
        let committer = self.committer.clone();
        let task = tokio::spawn(async move { committer.submit(workspace, request, None).await });
        tokio::task::yield_now().await;
        task
    }

    async fn wait_until_started(&self, groups: usize) {
        while self.started().len() < groups {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Submits all requests before the first group, which contains only the first, can end.
    async fn submit(&self, requests: &[usize]) -> Vec<Result<usize, RepositoryError>> {
        let started = self.started().len();
        let mut tasks = Vec::new();
        for request in requests {
            tasks.push(self.spawn(ACME, *request).await);
            self.wait_until_started(started + 1).await;
        }
        self.permits.add_permits(requests.len());
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    }

    fn started(&self) -> Vec<Vec<usize>> {
        self.started.lock().unwrap().clone()
    }

    /// Waits until the last worker has ended.
    async fn wait_until_idle(&self) {
        while !self.committer.0.queues.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
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
    let fixture = Fixture::with_timeouts(Duration::from_millis(20), Duration::from_secs(60));
    let first = fixture.spawn(ACME, 1).await;
    fixture.wait_until_started(1).await;
    let late = fixture.committer.submit(ACME, 2, None).await;
    assert!(matches!(late, Err(RepositoryError::Unavailable(_))));
    fixture.permits.add_permits(2);
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(fixture.started(), [vec![1]]);
}

#[tokio::test]
async fn withdrawal_spares_the_next_queue() {
    let queues = &Fixture::new().committer.0.queues;
    let request = || QueuedRequest {
        request: 1,
        admission: None,
        trace: None,
        sender: oneshot::channel().0,
    };
    let (old_id, _) = queues.push(ACME, request());
    queues.remove_worker(ACME);
    let (new_id, _) = queues.push(ACME, request());
    assert!(matches!(queues.withdraw(ACME, old_id), Withdrawal::Ended));
    assert!(matches!(
        queues.withdraw(ACME, new_id),
        Withdrawal::Withdrawn
    ));
}

#[tokio::test]
async fn panic_fails_its_group_and_later_requests_run() {
    let fixture = Fixture::new();
    // The second request waits behind the group that panics.
    for response in fixture.submit(&[PANIC, 1]).await {
        assert!(matches!(response, Err(RepositoryError::InDoubt(_))));
    }
    assert_eq!(*fixture.submit(&[1]).await[0].as_ref().unwrap(), 1);
    fixture.wait_until_idle().await;
}

#[tokio::test]
async fn cancelled_caller_does_not_cancel_its_request() {
    let fixture = Fixture::new();
    let running = fixture.spawn(ACME, 1).await;
    fixture.wait_until_started(1).await;
    let queued = fixture.spawn(ACME, 2).await;
    running.abort();
    queued.abort();
    fixture.permits.add_permits(2);
    fixture.wait_until_started(2).await;
    assert_eq!(fixture.started(), [vec![1], vec![2]]);
    fixture.wait_until_idle().await;
}

#[tokio::test]
async fn hanging_group_is_abandoned() {
    let timeout = Duration::from_millis(50);
    let fixture = Fixture::with_timeouts(timeout, timeout);
    let hanging = fixture.spawn(ACME, 1).await;
    let abandoned = hanging.await.unwrap();
    assert!(matches!(abandoned, Err(RepositoryError::Unavailable(_))));
    // Its worker no longer counts: the next request has a worker of its own, which waits for the
    // only connection.
    let late = fixture.committer.submit(ACME, 2, None).await;
    assert!(matches!(late, Err(RepositoryError::Unavailable(_))));
    fixture.permits.add_permits(2);
    fixture.wait_until_idle().await;
    assert_eq!(*fixture.submit(&[3]).await[0].as_ref().unwrap(), 1);
    assert_eq!(fixture.started(), [vec![1], vec![3]]);
}

#[tokio::test]
async fn timeout_after_the_gate_is_in_doubt() {
    let timeout = Duration::from_millis(50);
    let fixture = Fixture::with_timeouts(timeout, timeout);
    let committing = fixture.spawn(ACME, COMMIT).await.await.unwrap();
    assert!(matches!(committing, Err(RepositoryError::InDoubt(_))));
    fixture.permits.add_permits(1);
}

#[tokio::test]
async fn connection_goes_to_other_workspaces_between_groups() {
    let fixture = Fixture::new();
    let mut tasks = vec![fixture.spawn(ACME, 1).await];
    fixture.wait_until_started(1).await;
    for (workspace, request) in [(ACME, 20), (ACME, 30), (GLOBEX, 2), (GLOBEX, 3)] {
        tasks.push(fixture.spawn(workspace, request).await);
    }
    fixture.permits.add_permits(tasks.len());
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(fixture.started(), [vec![1], vec![2, 3], vec![20], vec![30]]);
}

#[tokio::test]
async fn unfinished_group_gives_its_connection_back() {
    let fixture = Fixture::new();
    let responses = fixture.submit(&[UNFINISHED, 1]).await;
    let responses: Vec<_> = responses.into_iter().map(Result::unwrap).collect();
    assert_eq!(responses, [1, 1]);
    fixture.wait_until_idle().await;
}
