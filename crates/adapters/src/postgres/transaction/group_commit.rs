//! Work of many callers that is done together: what comes while others' is being done is done next, in
//! one. Nobody waits for others to come.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use devices_domain::{RepositoryError, WorkspaceId};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// What can be done for several callers of one workspace at once.
#[async_trait]
pub(crate) trait GroupWork: Send + Sync + 'static {
    /// What one caller asks for.
    type Job: Send;
    /// What he is told.
    type Answer: Send;

    /// At most this much is done at once, in the unit of [`size`](Self::size).
    const MOST: usize;
    /// So often at once for each workspace.
    const WORKERS: usize;

    /// How much a job is.
    fn size(job: &Self::Job) -> usize;

    /// Does all of it. MUST return an answer to each job, in their order.
    async fn run(&self, workspace: WorkspaceId, jobs: Vec<Self::Job>) -> Vec<Self::Answer>;
}

/// Gathers the jobs of each workspace while others of it are being done. Clones share it.
pub(crate) struct GroupCommitter<T: GroupWork>(Arc<Shared<T>>);

struct Shared<T: GroupWork> {
    work: T,
    /// For how long a job waits to be begun.
    patience: Duration,
    /// Where it is done: one that asks can end before others whose jobs are done with its own.
    runtime: Option<Handle>,
    /// Of the workspaces for which something is being done.
    queues: Mutex<HashMap<WorkspaceId, Queue<T>>>,
}

struct Queue<T: GroupWork> {
    waiting: VecDeque<Waiting<T>>,
    workers: usize,
    /// How many jobs have come.
    count: u64,
}

struct Waiting<T: GroupWork> {
    number: u64,
    job: T::Job,
    caller: oneshot::Sender<T::Answer>,
}

impl<T: GroupWork> Clone for GroupCommitter<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: GroupWork> GroupCommitter<T> {
    /// Does the work on the runtime that this is called on, if it is; else on that of whoever asks first.
    pub(crate) fn new(work: T, patience: Duration) -> Self {
        Self(Arc::new(Shared {
            work,
            patience,
            runtime: Handle::try_current().ok(),
            queues: Mutex::default(),
        }))
    }

    /// What does it, to have it done at once and alone.
    pub(crate) fn work(&self) -> &T {
        &self.0.work
    }

    /// Has the job done with others, or at once where nothing is being done. Once begun it is carried to
    /// its end, also when the caller goes away.
    ///
    /// # Errors
    /// Where it was not begun in time, and never will be; or `Unknown` where it was begun, and its end was
    /// not heard of.
    pub(crate) async fn ask(
        &self,
        workspace: WorkspaceId,
        job: T::Job,
    ) -> Result<T::Answer, RepositoryError> {
        let (caller, mut told) = oneshot::channel();
        let (number, is_to_start) = self.0.queue(workspace, job, caller);
        if is_to_start {
            let worker = Worker {
                shared: Arc::clone(&self.0),
                workspace,
                has_ended: false,
            };
            match &self.0.runtime {
                Some(runtime) => drop(runtime.spawn(worker.work())),
                None => drop(tokio::spawn(worker.work())),
            }
        }
        let in_time = tokio::time::timeout(self.0.patience, &mut told).await;
        let told = match in_time {
            Ok(told) => told,
            Err(_) if self.0.withdraw(workspace, number) => {
                let why = "others of the workspace took too long";
                return Err(RepositoryError::Unavailable(why.into()));
            }
            Err(_) => told.await,
        };
        told.map_err(|_| RepositoryError::InDoubt("it ended without a word".into()))
    }
}

impl<T: GroupWork> Shared<T> {
    fn queues(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Queue<T>>> {
        // Nothing is done with them that could panic half-way.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a job wait; its number, and whether a worker is to start that will take it.
    fn queue(
        &self,
        workspace: WorkspaceId,
        job: T::Job,
        caller: oneshot::Sender<T::Answer>,
    ) -> (u64, bool) {
        let mut queues = self.queues();
        let queue = queues.entry(workspace).or_insert_with(|| Queue {
            waiting: VecDeque::new(),
            workers: 0,
            count: 0,
        });
        let number = queue.count;
        queue.count += 1;
        queue.waiting.push_back(Waiting {
            number,
            job,
            caller,
        });
        let is_to_start = queue.workers < T::WORKERS;
        queue.workers += usize::from(is_to_start);
        (number, is_to_start)
    }

    /// Whether the job of this number still waited, and does no more.
    fn withdraw(&self, workspace: WorkspaceId, number: u64) -> bool {
        let mut queues = self.queues();
        let Some(queue) = queues.get_mut(&workspace) else {
            return false;
        };
        let found = queue
            .waiting
            .iter()
            .position(|waiting| waiting.number == number);
        found
            .and_then(|place| queue.waiting.remove(place))
            .is_some()
    }
}

/// Does what waits for a workspace until nothing does.
struct Worker<T: GroupWork> {
    shared: Arc<Shared<T>>,
    workspace: WorkspaceId,
    has_ended: bool,
}

impl<T: GroupWork> Worker<T> {
    async fn work(mut self) {
        loop {
            let taken = self.take();
            if taken.is_empty() {
                return;
            }
            let (jobs, callers): (Vec<_>, Vec<_>) = taken
                .into_iter()
                .map(|Waiting { job, caller, .. }| (job, caller))
                .unzip();
            let answers = self.shared.work.run(self.workspace, jobs).await;
            for (caller, answer) in callers.into_iter().zip(answers) {
                // One that went away is told nothing.
                drop(caller.send(answer));
            }
        }
    }

    /// The jobs that are done next: in the order in which they came, as many as may be done at once.
    /// Where there is none the worker has ended, so that the next job starts another.
    fn take(&mut self) -> Vec<Waiting<T>> {
        let mut queues = self.shared.queues();
        let mut taken = Vec::new();
        let Some(queue) = queues.get_mut(&self.workspace) else {
            return taken;
        };
        let mut size = 0;
        while let Some(next) = queue.waiting.front() {
            size += T::size(&next.job);
            if size > T::MOST && !taken.is_empty() {
                break;
            }
            taken.extend(queue.waiting.pop_front());
        }
        if taken.is_empty() {
            self.has_ended = true;
            end_one(&mut queues, self.workspace);
        }
        taken
    }
}

/// Where the work panicked. Who waits for the last worker of a workspace is told so, too.
impl<T: GroupWork> Drop for Worker<T> {
    fn drop(&mut self) {
        if !self.has_ended {
            end_one(&mut self.shared.queues(), self.workspace);
        }
    }
}

fn end_one<T: GroupWork>(queues: &mut HashMap<WorkspaceId, Queue<T>>, workspace: WorkspaceId) {
    let Some(queue) = queues.get_mut(&workspace) else {
        return;
    };
    queue.workers -= 1;
    if queue.workers == 0 {
        queues.remove(&workspace);
    }
}

/// The same error for somebody else who waited for the same.
pub(crate) fn repeat(error: &RepositoryError) -> RepositoryError {
    match error {
        RepositoryError::Unavailable(cause) => {
            RepositoryError::Unavailable(cause.to_string().into())
        }
        RepositoryError::InDoubt(cause) => RepositoryError::InDoubt(cause.to_string().into()),
        RepositoryError::Failed(cause) => RepositoryError::Failed(cause.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Semaphore;

    use super::*;

    /// Answers each number with how many were done with it, once it is let.
    struct Counting {
        let_go: Arc<Semaphore>,
        begun: Arc<Mutex<Vec<Vec<usize>>>>,
    }

    #[async_trait]
    impl GroupWork for Counting {
        type Job = usize;
        type Answer = usize;

        const MOST: usize = 10;
        const WORKERS: usize = 1;

        fn size(job: &usize) -> usize {
            *job
        }

        async fn run(&self, _: WorkspaceId, jobs: Vec<usize>) -> Vec<usize> {
            self.begun.lock().unwrap().push(jobs.clone());
            self.let_go.acquire().await.unwrap().forget();
            assert!(!jobs.contains(&0), "a job that panics");
            vec![jobs.len(); jobs.len()]
        }
    }

    struct Run {
        gathering: GroupCommitter<Counting>,
        let_go: Arc<Semaphore>,
        begun: Arc<Mutex<Vec<Vec<usize>>>>,
    }

    impl Run {
        fn new() -> Self {
            let (let_go, begun) = (Arc::new(Semaphore::new(0)), Arc::default());
            let work = Counting {
                let_go: Arc::clone(&let_go),
                begun: Arc::clone(&begun),
            };
            Self {
                gathering: GroupCommitter::new(work, Duration::from_secs(60)),
                let_go,
                begun,
            }
        }

        async fn ask(&self, jobs: &[usize]) -> Vec<Result<usize, RepositoryError>> {
            let mut asked = Vec::new();
            for job in jobs.iter().copied() {
                let gathering = self.gathering.clone();
                asked.push(tokio::spawn(async move {
                    gathering.ask(WorkspaceId(1), job).await
                }));
                tokio::task::yield_now().await;
            }
            self.let_go.add_permits(jobs.len());
            let mut answers = Vec::new();
            for answer in asked {
                answers.push(answer.await.unwrap());
            }
            answers
        }
    }

    #[tokio::test]
    async fn what_comes_while_another_is_done_is_done_together_and_in_order() {
        let run = Run::new();
        let answers = run.ask(&[1, 2, 3, 4]).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [1, 3, 3, 3]);
        assert_eq!(*run.begun.lock().unwrap(), [vec![1], vec![2, 3, 4]]);
    }

    #[tokio::test]
    async fn no_more_is_done_at_once_than_may_be_but_one_of_any_size() {
        let run = Run::new();
        run.ask(&[1, 5, 5, 1, 20, 1]).await;
        let begun = run.begun.lock().unwrap().clone();
        assert_eq!(begun, [vec![1], vec![5, 5], vec![1], vec![20], vec![1]]);
    }

    #[tokio::test]
    async fn what_is_not_begun_in_time_is_never_done() {
        let (let_go, begun) = (Arc::new(Semaphore::new(0)), Arc::<Mutex<Vec<_>>>::default());
        let work = Counting {
            let_go: Arc::clone(&let_go),
            begun: Arc::clone(&begun),
        };
        let gathering = GroupCommitter::new(work, Duration::from_millis(20));
        let first = gathering.clone();
        let first = tokio::spawn(async move { first.ask(WorkspaceId(1), 1).await });
        while begun.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let late = gathering.ask(WorkspaceId(1), 2).await;
        assert!(matches!(late, Err(RepositoryError::Unavailable(_))));
        let_go.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap(), 1);
        assert_eq!(*begun.lock().unwrap(), [vec![1]]);
    }

    #[tokio::test]
    async fn after_a_panic_the_next_is_done_and_nothing_is_kept() {
        let run = Run::new();
        assert!(run.ask(&[0]).await[0].is_err());
        assert_eq!(*run.ask(&[1]).await[0].as_ref().unwrap(), 1);
        assert!(run.gathering.0.queues().is_empty());
    }
}
