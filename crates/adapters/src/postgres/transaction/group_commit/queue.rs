//! Queues of requests, and the groups that run.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devices_domain::{Admission, WorkspaceId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{GroupResult, GroupWork};
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::sampled_trace::SampledTrace;

/// Queues of the workspaces that have a worker.
pub(super) struct Queues<T: GroupWork> {
    by_workspace: Mutex<HashMap<WorkspaceId, Queue<T>>>,
    /// Id of the next request. Unique among all queues: the queue of a workspace may be dropped and
    /// opened anew before a caller withdraws its request.
    next_id: AtomicU64,
}

struct Queue<T: GroupWork> {
    /// Requests in order of their ids.
    waiting: VecDeque<(u64, QueuedRequest<T>)>,
    running: Vec<Arc<Run>>,
    /// Number of workers, without those whose group was abandoned.
    workers: usize,
}

/// A request, and the channel to its caller.
pub(super) struct QueuedRequest<T: GroupWork> {
    pub(super) request: T::Request,
    /// Admission of the request. `None` for a request that needs none.
    pub(super) admission: Option<Arc<Admission>>,
    /// Trace of the request, if it is sampled.
    pub(super) trace: Option<SampledTrace>,
    pub(super) sender: oneshot::Sender<GroupResult<T>>,
}

/// Run of a group.
pub(super) struct Run {
    /// Ids of the requests. Requests of other groups of the workspace are not in this range.
    ids: RangeInclusive<u64>,
    deadline: Instant,
    gate: CommitGate,
    /// Set under the lock of the queues.
    is_abandoned: AtomicBool,
}

impl Run {
    /// Returns the time until which callers wait for the database.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn gate(&self) -> &CommitGate {
        &self.gate
    }

    /// Returns whether the callers stopped waiting. The worker no longer counts then, and takes no
    /// other group.
    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }
}

/// Result of the withdrawal of a request.
pub(super) enum Withdrawal {
    /// The request was waiting, and will not run.
    Withdrawn,
    /// The request is part of this run.
    Running(Arc<Run>),
    /// Its group no longer runs, or a panic dropped its queue. Only the channel shows the outcome.
    Ended,
}

impl<T: GroupWork> Default for Queues<T> {
    fn default() -> Self {
        Self {
            by_workspace: Mutex::default(),
            next_id: AtomicU64::default(),
        }
    }
}

impl<T: GroupWork> Queues<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Queue<T>>> {
        // A panic under the lock leaves the queues consistent, so poisoning is ignored.
        self.by_workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a request. Returns its id, and whether the caller must start a worker, which is
    /// counted already.
    pub(super) fn push(&self, workspace: WorkspaceId, request: QueuedRequest<T>) -> (u64, bool) {
        let mut queues = self.lock();
        let queue = queues.entry(workspace).or_insert_with(|| Queue {
            waiting: VecDeque::new(),
            running: Vec::new(),
            workers: 0,
        });
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        queue.waiting.push_back((id, request));
        // The callers of a run abandon it themselves, unless they were cancelled.
        let now = Instant::now();
        queue.abandon_runs(|run| run.deadline <= now);
        (id, queue.add_worker())
    }

    /// Removes a request from the queue, unless it runs already.
    pub(super) fn withdraw(&self, workspace: WorkspaceId, id: u64) -> Withdrawal {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(&workspace) else {
            return Withdrawal::Ended;
        };
        if let Some(index) = queue.waiting.iter().position(|(queued, _)| *queued == id) {
            queue.waiting.remove(index);
            return Withdrawal::Withdrawn;
        }
        let run = queue.running.iter().find(|run| run.ids.contains(&id));
        run.map_or(Withdrawal::Ended, |run| {
            Withdrawal::Running(Arc::clone(run))
        })
    }

    /// Begins a run of the oldest waiting requests, up to the maximum size of a group. If there are
    /// none, the worker no longer counts, and the next request starts another one.
    pub(super) fn begin_run(
        &self,
        workspace: WorkspaceId,
        deadline: Instant,
    ) -> Option<(Arc<Run>, Vec<QueuedRequest<T>>)> {
        let mut queues = self.lock();
        let queue = queues.get_mut(&workspace)?;
        let (ids, group): (Vec<u64>, Vec<_>) = queue.take_group().into_iter().unzip();
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
            remove_worker(&mut queues, workspace);
            return None;
        };
        let run = Arc::new(Run {
            ids: *first..=*last,
            deadline,
            gate: CommitGate::default(),
            is_abandoned: AtomicBool::new(false),
        });
        queue.running.push(Arc::clone(&run));
        Some((run, group))
    }

    /// Ends a run, unless it was abandoned. Returns whether its worker still counts.
    pub(super) fn end_run(&self, workspace: WorkspaceId, run: &Arc<Run>) -> bool {
        if let Some(queue) = self.lock().get_mut(&workspace) {
            queue.running.retain(|running| !Arc::ptr_eq(running, run));
        }
        !run.is_abandoned()
    }

    /// Abandons a run, unless it has ended. Returns whether the caller must start a worker, which
    /// is counted already.
    pub(super) fn abandon(&self, workspace: WorkspaceId, run: &Arc<Run>) -> bool {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(&workspace) else {
            return false;
        };
        queue.abandon_runs(|running| Arc::ptr_eq(running, run));
        if queue.workers == 0 && queue.waiting.is_empty() {
            queues.remove(&workspace);
            return false;
        }
        !queue.waiting.is_empty() && queue.add_worker()
    }

    /// Removes a worker that counts. If it was the last one of the workspace, the waiting requests
    /// are dropped, and their callers receive an error.
    pub(super) fn remove_worker(&self, workspace: WorkspaceId) {
        remove_worker(&mut self.lock(), workspace);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

fn remove_worker<T: GroupWork>(
    queues: &mut HashMap<WorkspaceId, Queue<T>>,
    workspace: WorkspaceId,
) {
    if let Some(queue) = queues.get_mut(&workspace) {
        queue.workers -= 1;
        if queue.workers == 0 {
            queues.remove(&workspace);
        }
    }
}

impl<T: GroupWork> Queue<T> {
    /// Counts another worker, if the workspace may have one more.
    fn add_worker(&mut self) -> bool {
        let needs_worker = self.workers < T::CONCURRENCY;
        self.workers += usize::from(needs_worker);
        needs_worker
    }

    /// Abandons some of the runs. Their workers no longer count: they may hang for as long as the
    /// database does.
    fn abandon_runs(&mut self, is_abandoned: impl Fn(&Arc<Run>) -> bool) {
        self.running.retain(|run| {
            let is_abandoned = is_abandoned(run);
            if is_abandoned {
                run.is_abandoned.store(true, Ordering::Release);
                self.workers -= 1;
            }
            !is_abandoned
        });
    }

    fn take_group(&mut self) -> Vec<(u64, QueuedRequest<T>)> {
        let mut group = Vec::new();
        let mut size = 0;
        while let Some((_, next)) = self.waiting.front() {
            size += T::size(&next.request);
            if size > T::MAX_GROUP_SIZE && !group.is_empty() {
                break;
            }
            group.extend(self.waiting.pop_front());
        }
        group
    }
}
