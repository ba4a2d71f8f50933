//! What the use cases need from a store. An implementation MUST keep what the methods promise:
//! the use cases rely on it, and do not check it again.

mod devices;
mod enrollments;
mod keys;
mod store;
mod users;
mod workspaces;

use std::error::Error;

use async_trait::async_trait;

use crate::access::Actor;
use crate::audit::{Event, EventFilter};
use crate::ids::WorkspaceId;

pub use devices::*;
pub use enrollments::*;
pub use keys::*;
pub use store::*;
pub use users::*;
pub use workspaces::*;

/// Why a store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It could not be reached, or not in time, and a later try can succeed. Nothing was stored.
    #[error("the store cannot be reached in time: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It was lost while it stored something, and could not be asked since: all of it may have
    /// been stored, or nothing.
    #[error("whether it was stored is not known: {0}")]
    InDoubt(#[source] Box<dyn Error + Send + Sync>),
    /// It answered in a way that was not foreseen. Holds no customer's value.
    #[error("the store failed: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Whether the store can be used.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Answers once the store does, if it can be written to. MUST ask the store itself, each time.
    async fn ping(&self) -> Result<(), RepositoryError>;
}

/// The audit trail.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EventRepository: Send + Sync {
    /// The first events of a workspace that pass the filter, oldest first; none where there is none.
    async fn list(
        &self,
        workspace: WorkspaceId,
        filter: EventFilter,
    ) -> Result<Vec<Event>, RepositoryError>;
}

/// How much each key may ask for.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one request of `per_minute` out of what the actor's key has left, if it has one left.
    /// MUST be shared by all processes on the same store.
    async fn take(
        &self,
        actor: Actor,
        per_minute: u32,
    ) -> Result<RateLimitDecision, RepositoryError>;
}

/// What a key has left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimitDecision {
    /// Whether this request may pass.
    pub passed: bool,
    /// How many requests are left, with a fraction of the next one.
    pub left: f64,
}
