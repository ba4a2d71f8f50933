//! Workers, which run the groups of a workspace.

use std::sync::Arc;

use devices_domain::{RepositoryError, WorkspaceId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::queue::{QueuedRequest, Run};
use super::{GroupError, GroupResult, GroupWork, Shared};
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::copy_error;
use crate::postgres::keys::admit;
use crate::postgres::transaction::blocking::Lease;

/// Runs groups of a workspace until the queue of the workspace is empty.
pub(super) struct Worker<T: GroupWork> {
    shared: Arc<Shared<T>>,
    database: Database,
    workspace: WorkspaceId,
    /// `false` if the queue no longer counts this worker: it then has no right to run a group.
    is_counted: bool,
    /// Current run.
    run: Option<Arc<Run>>,
}

type Senders<T> = Vec<oneshot::Sender<GroupResult<T>>>;

impl<T: GroupWork> Worker<T> {
    /// Starts a worker, which is counted already.
    pub(super) fn start(shared: Arc<Shared<T>>, workspace: WorkspaceId) {
        let worker = Self {
            database: shared.work.database(workspace),
            shared,
            workspace,
            is_counted: true,
            run: None,
        };
        worker.resume();
    }

    /// Runs groups on a blocking thread, once a connection is available for them.
    fn resume(self) {
        let database = self.database.clone();
        if let Some(lease) = database.try_lease() {
            drop(database.spawn_blocking(move || self.run_groups(lease)));
            return;
        }
        // The wait needs no timeout: the requests have one, and withdraw.
        let waiting = async move {
            if let Ok(lease) = self.database.lease().await {
                let database = self.database.clone();
                drop(database.spawn_blocking(move || self.run_groups(lease)));
            }
        };
        drop(database.spawn(waiting));
    }

    fn run_groups(mut self, mut lease: Lease) {
        loop {
            let deadline = Instant::now() + self.database.answer_timeout();
            let Some((run, group)) = self.shared.queues.begin_run(self.workspace, deadline) else {
                self.is_counted = false;
                return;
            };
            self.run = Some(Arc::clone(&run));
            let admitted = self.admit(&mut lease, group);
            // The transaction can name only one of them.
            let trace = admitted.iter().find_map(|queued| queued.trace.clone());
            lease.set_trace(trace);
            let (requests, senders): (Vec<_>, Vec<_>) = admitted
                .into_iter()
                .map(|queued| (queued.request, queued.sender))
                .unzip();
            let work = &self.shared.work;
            let results = if requests.is_empty() {
                Ok(Vec::new())
            } else {
                work.run(&mut lease, run.gate(), self.workspace, &requests)
            };
            self.is_counted = self.end_run();
            match results {
                Ok(results) => send(senders, results),
                Err(GroupError::Failed(error)) => send_error::<T>(senders, &error),
                Err(GroupError::Unfinished(unfinished)) if self.is_counted => {
                    drop(lease);
                    return self.finish(requests, senders, unfinished);
                }
                // The group was abandoned: no caller waits for it.
                Err(GroupError::Unfinished(_)) => {}
            }
            if !self.is_counted {
                return;
            }
            // Another workspace may be waiting for the connection.
            drop(lease);
            lease = match self.database.try_lease() {
                Some(lease) => lease,
                None => return self.resume(),
            };
        }
    }

    /// Decides the admissions of a group. Returns its admitted requests; the callers of the others
    /// receive an error.
    fn admit(&self, lease: &mut Lease, group: Vec<QueuedRequest<T>>) -> Vec<QueuedRequest<T>> {
        let admissions = group.iter().filter_map(|queued| queued.admission.as_ref());
        let admissions: Vec<_> = admissions.collect();
        let decided = if admissions.is_empty() {
            Ok(())
        } else {
            let connection = lease.connection();
            connection.and_then(|connection| admit::decide(connection, self.workspace, &admissions))
        };
        let error = decided.err().unwrap_or(RepositoryError::NotAdmitted);
        let is_admitted = |queued: &QueuedRequest<T>| {
            let admission = queued.admission.as_ref();
            admission.is_none_or(|admission| admission.is_admitted())
        };
        let (admitted, others): (Vec<_>, Vec<_>) = group.into_iter().partition(is_admitted);
        let senders = others.into_iter().map(|queued| queued.sender);
        send_error::<T>(senders.collect(), &error);
        admitted
    }

    /// Completes a group without its connection, then continues with the next one.
    fn finish(self, requests: Vec<T::Request>, senders: Senders<T>, unfinished: T::Unfinished) {
        let database = self.database.clone();
        let finishing = async move {
            let work = &self.shared.work;
            let results = work.finish(self.workspace, requests, unfinished).await;
            send(senders, results);
            self.resume();
        };
        drop(database.spawn(finishing));
    }

    /// Ends the current run. Returns whether this worker still counts.
    fn end_run(&mut self) -> bool {
        let run = self.run.take();
        run.is_none_or(|run| self.shared.queues.end_run(self.workspace, &run))
    }
}

/// Removes a worker whose work panicked, or whose runtime shut down.
impl<T: GroupWork> Drop for Worker<T> {
    fn drop(&mut self) {
        if self.is_counted && self.end_run() {
            self.shared.queues.remove_worker(self.workspace);
        }
    }
}

fn send<R>(senders: Vec<oneshot::Sender<R>>, results: Vec<R>) {
    for (sender, result) in senders.into_iter().zip(results) {
        // Fails if the caller was cancelled, and so needs no result.
        drop(sender.send(result));
    }
}

fn send_error<T: GroupWork>(senders: Senders<T>, error: &RepositoryError) {
    let errors = senders.iter().map(|_| Err(copy_error(error).into()));
    let errors = errors.collect();
    send(senders, errors);
}
