//! Ports: the traits through which storage is used.
//!
//! Implementations MUST keep the contracts of the methods. The use cases rely on them and do not
//! check the results again.

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

pub use devices::{
    ChangeConflicts, ChangeDeviceError, Conflicts, CreateError, DeviceChange, DeviceFilter,
    DeviceLimitReached, DeviceRepository, InsertedDevice, NewBatch, Precondition, RenderResponse,
    Revision, StoreResult,
};
pub use enrollments::{EnrollmentFilter, EnrollmentReport, EnrollmentRepository};
pub use keys::{KeyError, KeyRepository, NewApiKey, NewSecret};
pub use store::{Store, WorkspaceStore};
pub use users::{ChangeUserError, UserChange, UserFilter, UserRepository};
pub use workspaces::{NewWorkspace, WorkspaceRepository};

#[cfg(any(test, feature = "mocks"))]
pub use self::{
    devices::MockDeviceRepository, enrollments::MockEnrollmentRepository, keys::MockKeyRepository,
    store::MockStore, users::MockUserRepository, workspaces::MockWorkspaceRepository,
};

/// Failure of a repository.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The database could not be reached in time. Nothing was stored. A retry may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The connection was lost during COMMIT, and the outcome could not be determined: everything
    /// or nothing was stored.
    #[error("the commit is in doubt: {0}")]
    InDoubt(#[source] Box<dyn Error + Send + Sync>),
    /// An unexpected error. Its text contains no customer values.
    #[error("the database failed: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Health of the storage.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Checks that the database answers and accepts writes. MUST query it on every call.
    async fn ping(&self) -> Result<(), RepositoryError>;
}

/// The audit trail.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EventRepository: Send + Sync {
    /// Lists the next page of a workspace's events that match the filter, oldest first. Returns an
    /// empty list at the end.
    async fn list(
        &self,
        workspace: WorkspaceId,
        filter: EventFilter,
    ) -> Result<Vec<Event>, RepositoryError>;
}

/// Token buckets that limit the request rate of each key.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes a token from the bucket of the actor's key, if one is left. The bucket holds
    /// `per_minute` tokens and refills at that rate. MUST be shared by all processes on the same
    /// database.
    async fn take(
        &self,
        actor: Actor,
        per_minute: u32,
    ) -> Result<RateLimitDecision, RepositoryError>;
}

/// Result of taking a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimitDecision {
    /// `true` if a token was taken.
    pub is_allowed: bool,
    /// Tokens left, with a fraction of the next one.
    pub remaining: f64,
}
