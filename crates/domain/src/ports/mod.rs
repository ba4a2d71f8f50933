//! Ports: the traits through which storage is used.
//!
//! Implementations MUST keep the contracts of the methods. The use cases rely on them and do not
//! check the results again.

mod audit_trail;
mod batches;
mod devices;
mod enrollments;
mod event_feed;
mod keys;
mod search_index;
mod sessions;
mod statistics;
mod store;
mod users;
mod workspaces;

use std::error::Error;
use std::num::NonZeroU32;

use async_trait::async_trait;

use crate::access::Actor;
use crate::audit::{Event, EventFilter};
use crate::ids::WorkspaceId;

pub use audit_trail::{AuditEntry, AuditTrail, HistorySubject};
pub use batches::{BatchFilter, BatchRepository};
pub use devices::{
    BulkChangeError, ChangeConflicts, ChangeDeviceError, Conflicts, CreateError, DateRange,
    DeviceChange, DeviceFilter, DeviceLimit, DeviceLimitReached, DeviceRepository, InsertedDevice,
    LookupResult, NewBatch, NewUpsert, Precondition, RenderResponse, RenderUpsert, Revision,
    StoreResult, UpsertError, UpsertOutcome, UserQuota,
};
pub use enrollments::{
    EnrollmentFilter, EnrollmentReport, EnrollmentRepository, PutEnrollmentError,
};
pub use event_feed::{
    EventFeed, EventType, FeedCursor, FeedEnd, FeedError, FeedEvent, FeedMonitor, FeedPage,
    FeedRequest, RecentEvent, RecentPage, RecentRequest,
};
pub use keys::{
    KeyError, KeyPrecondition, KeyRepository, NewApiKey, NewSecret, WorkspaceKeyRepository,
};
pub use search_index::{
    IndexBacklog, IndexError, IndexedChunk, RebuildScope, RebuiltDocuments, SearchIndex,
};
pub use sessions::{NewSession, SessionRepository};
pub use statistics::{FleetStatistics, Overview};
pub use store::{Store, WorkspaceStore};
pub use users::{ChangeUserError, UserChange, UserFilter, UserRepository};
pub use workspaces::{NewWorkspace, RenameError, WorkspaceRepository};

#[cfg(any(test, feature = "mocks"))]
pub use self::{
    audit_trail::MockAuditTrail, batches::MockBatchRepository, devices::MockDeviceRepository,
    enrollments::MockEnrollmentRepository, event_feed::MockEventFeed, event_feed::MockFeedMonitor,
    keys::MockKeyRepository, keys::MockWorkspaceKeyRepository, search_index::MockSearchIndex,
    sessions::MockSessionRepository, statistics::MockFleetStatistics, store::MockStore,
    users::MockUserRepository, workspaces::MockWorkspaceRepository,
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
    /// The [admission](crate::Admission) of the request was denied. Nothing was read or stored.
    #[error("the request was not admitted")]
    NotAdmitted,
    /// An unexpected error. Its text contains no customer values.
    #[error("the database failed: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Health of the storage.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Checks that the database responds and accepts writes. MUST neither wait behind other work
    /// nor wait longer for many callers than for one. A result, errors included, may be up to a
    /// second old.
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

/// Token buckets that limit the request rates of keys and workspaces.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes a token from the bucket of the actor's key and one from the bucket of its workspace,
    /// as far as they are limited. A bucket holds as many tokens as its limit, and refills at that
    /// rate. An empty bucket of the key MUST NOT cost the workspace a token. MUST be shared by all
    /// processes on the same database.
    async fn take(
        &self,
        actor: Actor,
        limits: RateLimits,
    ) -> Result<RateLimitDecision, RepositoryError>;
}

/// Limits in requests per minute, `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Limit of each key.
    pub key: Option<NonZeroU32>,
    /// Limit of all keys of a workspace together.
    pub workspace: Option<NonZeroU32>,
}

impl RateLimits {
    /// No limit.
    pub const UNLIMITED: Self = Self {
        key: None,
        workspace: None,
    };
}

/// Result of taking a token from each bucket. `None` for a bucket that was not used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimitDecision {
    /// Bucket of the key.
    pub key: Option<TokenBucket>,
    /// Bucket of the workspace.
    pub workspace: Option<TokenBucket>,
}

impl RateLimitDecision {
    /// Decision where no limit applies.
    pub const UNLIMITED: Self = Self {
        key: None,
        workspace: None,
    };

    /// Returns whether every bucket that was used had a token.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        let mut buckets = self.key.iter().chain(&self.workspace);
        buckets.all(|bucket| bucket.is_allowed)
    }
}

/// A token bucket after the attempt to take a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenBucket {
    /// `true` if a token was taken.
    pub is_allowed: bool,
    /// Tokens left, with a fraction of the next one.
    pub remaining: f64,
}
