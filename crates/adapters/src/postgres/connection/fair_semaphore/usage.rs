//! Numbers of permits in use, for metrics.

use devices_domain::WorkspaceId;

use super::{FairSemaphore, Holder, Purpose, State};

/// Permits of a semaphore.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Permits in total, in use or not.
    pub(crate) total: usize,
    /// Permits that only key look-ups may use.
    pub(crate) reserved: usize,
    /// Permits of each class of work.
    pub(crate) classes: [(&'static str, ClassUsage); 4],
}

/// Permits of a class of work.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassUsage {
    pub(crate) in_use: usize,
    /// Waiters, some of which may have been cancelled.
    pub(crate) waiting: usize,
}

impl FairSemaphore {
    /// Returns the numbers of permits in use and of waiters.
    pub(crate) fn usage(&self) -> Usage {
        let state = self.state();
        // Stands for all workspaces.
        let workspace = WorkspaceId(0);
        let classes = [
            Purpose::KeyLookup,
            Purpose::Job,
            Purpose::Query(workspace),
            Purpose::Request(workspace),
        ];
        Usage {
            total: state.limits.total,
            reserved: state.limits.total - state.limits.unreserved,
            classes: classes.map(|purpose| (purpose.class(), state.class_usage(purpose))),
        }
    }
}

impl State {
    fn class_usage(&self, purpose: Purpose) -> ClassUsage {
        let class = purpose.class();
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(|(waiting, _)| waiting.class() == class);
        let held = |holder: Holder| self.held.get(&holder).map_or(0, |held| held.all);
        ClassUsage {
            in_use: match purpose {
                Purpose::KeyLookup | Purpose::Job => held(purpose.holder()),
                Purpose::Query(_) => self.queries_in_use,
                Purpose::Request(_) => {
                    let others = held(Holder::Jobs) + self.queries_in_use;
                    self.unreserved_in_use - others
                }
            },
            waiting: waiting.map(|(_, queue)| queue.len()).sum(),
        }
    }
}
