//! Decides whether a transaction commits or is abandoned.

use std::sync::atomic::{AtomicU8, Ordering};

use devices_domain::RepositoryError;

/// Gate between a transaction that wants to commit and a caller that wants to stop waiting for it.
/// The first of them decides, and the other one learns the decision.
#[derive(Debug, Default)]
pub(crate) struct CommitGate(AtomicU8);

impl CommitGate {
    const OPEN: u8 = 0;
    const COMMITTING: u8 = 1;
    const ABANDONED: u8 = 2;

    /// Closes the gate for the commit: the transaction may send COMMIT, and can no longer be
    /// abandoned.
    ///
    /// # Errors
    /// [`Unavailable`](RepositoryError::Unavailable) if it has been abandoned.
    pub(crate) fn commit(&self) -> Result<(), RepositoryError> {
        if self.decide(Self::COMMITTING) {
            Ok(())
        } else {
            let cause = "the caller timed out";
            Err(RepositoryError::Unavailable(cause.into()))
        }
    }

    /// Abandons the transaction, unless it may already send COMMIT. Returns whether it is
    /// abandoned: it is then certain never to be committed.
    pub(crate) fn abandon(&self) -> bool {
        self.decide(Self::ABANDONED)
    }

    /// Abandons the transaction for a caller that has waited for too long, and returns its error:
    /// [`Unavailable`](RepositoryError::Unavailable) only if nothing will be committed, otherwise
    /// [`InDoubt`](RepositoryError::InDoubt).
    pub(crate) fn timeout_error(&self) -> RepositoryError {
        if self.abandon() {
            RepositoryError::Unavailable("the database did not respond in time".into())
        } else {
            RepositoryError::InDoubt("the database did not respond to COMMIT in time".into())
        }
    }

    fn decide(&self, decision: u8) -> bool {
        let order = Ordering::SeqCst;
        match self.0.compare_exchange(Self::OPEN, decision, order, order) {
            Ok(_) => true,
            // A transaction that is retried after its COMMIT failed repeats its decision.
            Err(earlier) => earlier == decision,
        }
    }
}
