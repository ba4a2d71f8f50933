//! A semaphore that shares the connections of a pool fairly among workspaces (ADR 26).

mod limits;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devices_domain::WorkspaceId;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

use limits::Limits;

/// Purpose for which a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Look-up of API keys. Belongs to no workspace: its client is not authenticated yet.
    KeyLookup,
    /// Background job or administration.
    Job,
    /// Search, list or export of a workspace.
    Query(WorkspaceId),
    /// Any other request of a workspace.
    Request(WorkspaceId),
}

/// Holder of permits. The permits of each are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    KeyLookups,
    Jobs,
    Workspace(WorkspaceId),
}

impl Purpose {
    /// Returns the name of its class, for metrics.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::KeyLookup => "key_lookup",
            Self::Job => "job",
            Self::Query(_) => "query",
            Self::Request(_) => "request",
        }
    }

    fn holder(self) -> Holder {
        match self {
            Self::KeyLookup => Holder::KeyLookups,
            Self::Job => Holder::Jobs,
            Self::Query(workspace) | Self::Request(workspace) => Holder::Workspace(workspace),
        }
    }
}

/// A semaphore with fixed [`Limits`] by purpose, and a dynamic threshold by holder: a workspace
/// gets a permit only while it holds fewer than are free. One workspace therefore holds at most
/// half of the permits, two hold at most three quarters, and so on: the next one need not wait.
/// Switches share their buffers in this way (Choudhury and Hahne, "Dynamic queue length
/// thresholds", 1998).
///
/// Waiters are served in order of arrival, except for those at a limit: they do not delay the
/// others.
///
/// A caller MUST NOT wait for a second permit while it holds one: it could be the last.
pub(crate) struct FairSemaphore(Mutex<State>);

/// Permit to use a connection. Released when it is dropped.
pub(crate) struct Permit {
    semaphore: Arc<FairSemaphore>,
    purpose: Purpose,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    in_use: usize,
    /// Permits in use for anything but key look-ups.
    unreserved_in_use: usize,
    queries_in_use: usize,
    /// Permits of each holder that has any.
    held: HashMap<Holder, Held>,
    /// Waiters in order of arrival. No queue is empty.
    waiting: HashMap<Purpose, VecDeque<Waiter>>,
    arrivals: u64,
}

/// Permits of one holder.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    all: usize,
    queries: usize,
}

#[derive(Debug)]
struct Waiter {
    /// Number of waiters that arrived earlier.
    arrival: u64,
    sender: oneshot::Sender<Permit>,
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Permit").field(&self.purpose).finish()
    }
}

impl FairSemaphore {
    /// Creates a semaphore with this number of permits, at least one.
    pub(crate) fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            limits: Limits::new(permits),
            in_use: 0,
            unreserved_in_use: 0,
            queries_in_use: 0,
            held: HashMap::new(),
            waiting: HashMap::new(),
            arrivals: 0,
        })))
    }

    /// Takes a permit; waits for one if necessary. A caller that is cancelled takes none.
    ///
    /// # Errors
    /// None, as long as the caller holds the semaphore.
    pub(crate) async fn acquire(self: &Arc<Self>, purpose: Purpose) -> Result<Permit, RecvError> {
        let receiver = {
            let mut state = self.state();
            // All waiters are at a limit, or else they would not wait. So nobody is overtaken.
            if state.is_available(purpose) {
                return Ok(self.take(&mut state, purpose));
            }
            state.enqueue(purpose)
        };
        receiver.await
    }

    /// Takes a permit, if one is available at once.
    pub(crate) fn try_acquire(self: &Arc<Self>, purpose: Purpose) -> Option<Permit> {
        let mut state = self.state();
        let is_available = state.is_available(purpose);
        is_available.then(|| self.take(&mut state, purpose))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, state: &mut State, purpose: Purpose) -> Permit {
        state.add(purpose);
        Permit {
            semaphore: Arc::clone(self),
            purpose,
        }
    }

    /// Releases a permit, and hands out all permits that are available then.
    fn release(self: &Arc<Self>, purpose: Purpose) {
        let mut undelivered = Vec::new();
        let mut state = self.state();
        state.remove(purpose);
        while let Some((purpose, waiter)) = state.next_waiter() {
            let permit = self.take(&mut state, purpose);
            // Fails if the waiter was cancelled in this moment.
            undelivered.extend(waiter.sender.send(permit).err());
        }
        drop(state);
        // Takes the lock again for each of them.
        drop(undelivered);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.semaphore.release(self.purpose);
    }
}

impl State {
    /// Returns whether a permit for this purpose exceeds no limit.
    fn is_available(&self, purpose: Purpose) -> bool {
        let limits = &self.limits;
        let held = self.held.get(&purpose.holder());
        let held = held.copied().unwrap_or_default();
        let is_free = match purpose {
            Purpose::KeyLookup => held.all < limits.key_lookups,
            Purpose::Job | Purpose::Request(_) => {
                held.all < limits.unreserved - self.unreserved_in_use
            }
            Purpose::Query(_) => {
                held.all < limits.unreserved - self.unreserved_in_use
                    && held.queries < limits.queries - self.queries_in_use
            }
        };
        is_free && self.in_use < limits.total
    }

    fn add(&mut self, purpose: Purpose) {
        let is_query = usize::from(matches!(purpose, Purpose::Query(_)));
        self.in_use += 1;
        self.unreserved_in_use += usize::from(purpose != Purpose::KeyLookup);
        self.queries_in_use += is_query;
        let held = self.held.entry(purpose.holder()).or_default();
        held.all += 1;
        held.queries += is_query;
    }

    fn remove(&mut self, purpose: Purpose) {
        let is_query = usize::from(matches!(purpose, Purpose::Query(_)));
        self.in_use -= 1;
        self.unreserved_in_use -= usize::from(purpose != Purpose::KeyLookup);
        self.queries_in_use -= is_query;
        let holder = purpose.holder();
        if let Some(held) = self.held.get_mut(&holder) {
            held.all -= 1;
            held.queries -= is_query;
            if held.all == 0 {
                self.held.remove(&holder);
            }
        }
    }

    fn enqueue(&mut self, purpose: Purpose) -> oneshot::Receiver<Permit> {
        let (sender, receiver) = oneshot::channel();
        let queue = self.waiting.entry(purpose).or_default();
        queue.push_back(Waiter {
            arrival: self.arrivals,
            sender,
        });
        self.arrivals += 1;
        receiver
    }

    /// Removes the next waiter that gets a permit, if a permit is available to any.
    fn next_waiter(&mut self) -> Option<(Purpose, Waiter)> {
        self.waiting.retain(|_, queue| {
            let is_cancelled = |waiter: &Waiter| waiter.sender.is_closed();
            while queue.front().is_some_and(is_cancelled) {
                queue.pop_front();
            }
            !queue.is_empty()
        });
        let available = self.waiting.iter().filter_map(|(purpose, queue)| {
            let first = queue.front()?;
            let is_available = self.is_available(*purpose);
            is_available.then_some((first.arrival, *purpose))
        });
        let (_, purpose) = available.min_by_key(|(arrival, _)| *arrival)?;
        let waiter = self.waiting.get_mut(&purpose)?.pop_front()?;
        Some((purpose, waiter))
    }
}
