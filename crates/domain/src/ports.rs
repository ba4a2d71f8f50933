//! What the use cases need from a store. An implementation MUST keep what the methods promise:
//! the use cases rely on it, and do not check it again.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::access::{Actor, ApiKey, KeyId, Scope, User, UserId, Workspace, WorkspaceId};
use crate::audit::{DeviceEvent, EventFilter, Origin};
use crate::device::{DeviceId, NewDevice};
use crate::enrollment::Enrollment;
use crate::error::{ErrorCode, FieldError, Reason};
use crate::idempotency::{Attempt, AttemptError, Outcome, Remembered};
use crate::references::References;

/// Why a store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// It could not be reached, or not in time, and a later try can succeed. Nothing was stored.
    #[error("the store cannot be reached in time: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It was lost while it stored something, and could not be asked since: all of it may have
    /// been stored, or nothing.
    #[error("whether it was stored is not known: {0}")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
    /// It answered in a way that was not foreseen. Holds no customer's value.
    #[error("the store failed: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// What the store holds against a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conflicts {
    /// Users that the batch names and the workspace has not.
    pub unknown_users: BTreeSet<UserId>,
    /// Serial numbers, folded, that living devices of the workspace have.
    pub taken_serial_numbers: HashMap<String, DeviceId>,
    /// Set where the workspace may not hold that many devices.
    pub device_limit: Option<DeviceLimitReached>,
}

impl Conflicts {
    /// Whether the store holds nothing against the batch.
    pub fn is_empty(&self) -> bool {
        self.unknown_users.is_empty()
            && self.taken_serial_numbers.is_empty()
            && self.device_limit.is_none()
    }
}

/// A workspace that may not hold that many devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLimitReached {
    /// How many living devices it may hold.
    pub limit: u64,
    /// How many it holds.
    pub held: u64,
    /// How many the batch would add.
    pub added: u64,
}

impl DeviceLimitReached {
    pub(crate) fn error(self) -> FieldError {
        let Self { limit, held, added } = self;
        FieldError::of(
            "devices",
            ErrorCode::DeviceProvisioningFailed,
            Reason::DeviceLimit,
            format!(
                "must not bring the workspace over its limit of {limit} devices: \
                 it holds {held}, and this batch would add {added}"
            ),
        )
    }
}

/// Why [`DeviceRepository::create`] did not say what it stored.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The store holds something against the batch.
    #[error("the store holds something against the batch")]
    Conflicts(Conflicts),
    /// The attempt cannot be made.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The store gave no answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// What is to be stored at once.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The devices; at least one.
    pub devices: Vec<NewDevice>,
    /// Whom the audit trail puts it down to.
    pub origin: Origin,
    /// What it must not be carried out twice for, and how its outcome is told.
    pub once: Option<(Attempt, Tell)>,
}

/// How created devices are told to whoever asked for them; results come in the devices' order.
pub type Tell = fn(&[NewDevice], &[StoredDevice]) -> Vec<u8>;

/// What came of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// The results, in the order of the devices.
    Devices(Vec<StoredDevice>),
    /// The outcome of the attempt, remembered from now on, or from before.
    Outcome(Outcome),
}

/// What storing a device adds to it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDevice {
    /// Its number.
    pub id: DeviceId,
    /// The enrolment that was linked to it.
    pub enrollment: Option<Enrollment>,
}

/// Whether the store can be used.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Answers once the store does, if it can be written to. MUST ask the store itself, each time.
    async fn ping(&self) -> Result<(), RepositoryError>;
}

/// Makes the repository of a workspace.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait DeviceRepositories: Send + Sync {
    /// The devices of one workspace. MUST NOT reach into another.
    fn of_workspace(&self, workspace: WorkspaceId) -> Box<dyn DeviceRepository>;
}

/// The devices of one workspace.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DeviceRepository: Send + Sync {
    /// What the store holds against a batch that refers to `references`. MUST return every
    /// conflict, not the first, and MUST answer about another workspace's users as about users
    /// that do not exist. Changes nothing.
    async fn find_conflicts(&self, references: References) -> Result<Conflicts, RepositoryError>;

    /// What is remembered of the attempt with this key, if one succeeded.
    async fn find_remembered(
        &self,
        attempt: Attempt,
    ) -> Result<Option<Remembered>, RepositoryError>;

    /// Stores every device or none, and links each to the newest enrolment of its serial number
    /// that is neither deleted nor a draft. The event of the audit trail, and the outcome of the
    /// attempt where it is one, MUST be stored with the devices or not at all.
    ///
    /// MUST return as many results as there are devices, in their order; MUST have stored them
    /// durably before it returns, and MUST NOT return [`RepositoryError::Unavailable`] where they
    /// may be stored now or later. Where two calls race for a serial number exactly one MUST
    /// succeed, and the other MUST return the conflicts that
    /// [`find_conflicts`](Self::find_conflicts) returns from then on. Where two calls make the
    /// same attempt one MUST store, and the other MUST return the same outcome, or that the
    /// attempt is under way, without waiting.
    async fn create(&self, batch: Arc<NewBatch>) -> Result<Stored, CreateError>;
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
    ) -> Result<Vec<DeviceEvent>, RepositoryError>;
}

/// How much each key may ask for.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one request of `per_minute` out of what the actor's key has left, if it has one left.
    /// MUST be shared by all processes on the same store.
    async fn take(&self, actor: Actor, per_minute: u32) -> Result<Allowance, RepositoryError>;
}

/// What a key has left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// Whether this request may pass.
    pub passed: bool,
    /// How many requests are left, with a fraction of the next one.
    pub left: f64,
}

/// The API keys, by their secrets' hashes.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait KeyRepository: Send + Sync {
    /// Who calls with the secret of this SHA-256, if its key belongs to `workspace` and is neither
    /// expired nor revoked at this moment. Notes at some later time, once a minute at most, that
    /// the key was used.
    async fn find_actor(
        &self,
        workspace: WorkspaceId,
        secret_sha256: [u8; 32],
    ) -> Result<Option<Actor>, RepositoryError>;

    /// Stores a key, unless the workspace would have more than `most` that work, not counting those
    /// whose place another has taken.
    async fn create(&self, key: NewApiKey, most: u32) -> Result<ApiKey, KeyError>;

    /// Stores a key that takes the place of the workspace's key `old`: of the same name and scope,
    /// and made to last as long. The old one works until `until` at the latest, and no longer than an
    /// earlier rotation said. MUST do both or neither.
    async fn rotate(
        &self,
        workspace: WorkspaceId,
        old: KeyId,
        secret: NewSecret,
        until: DateTime<Utc>,
        most: u32,
    ) -> Result<ApiKey, KeyError>;

    /// The key of this number, in whichever workspace: for who administers all of them.
    async fn find(&self, key: KeyId) -> Result<Option<ApiKey>, RepositoryError>;

    /// The keys of a workspace, or of all of them, oldest first.
    async fn list(&self, workspace: Option<WorkspaceId>) -> Result<Vec<ApiKey>, RepositoryError>;

    /// Revokes a key from this moment on; `None` where there is no such key. A key that was
    /// revoked before keeps its instant.
    async fn revoke(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
    ) -> Result<Option<ApiKey>, RepositoryError>;
}

/// A key to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewApiKey {
    /// The workspace it opens.
    pub workspace: WorkspaceId,
    /// A label for people.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// What is kept of its secret.
    pub secret: NewSecret,
    /// From when on it is refused; `None`: never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is kept of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// How it begins: enough to know it by, and too little to guess the rest.
    pub prefix: String,
}

/// Why a key was not stored.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The workspace has as many keys as may work at once.
    #[error("the workspace has {0} keys that work, the most that it may have")]
    TooMany(u32),
    /// There is no such key.
    #[error("there is no such key")]
    NoSuchKey,
    /// The key was revoked, or has expired.
    #[error("the key works no longer")]
    Ended,
    /// The store gave no answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// The workspaces.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WorkspaceRepository: Send + Sync {
    /// Stores a workspace; `None` where its name is taken.
    async fn create(&self, workspace: NewWorkspace) -> Result<Option<Workspace>, RepositoryError>;

    /// The workspace of this name.
    async fn find(&self, name: String) -> Result<Option<Workspace>, RepositoryError>;

    /// All workspaces, oldest first.
    async fn list(&self) -> Result<Vec<Workspace>, RepositoryError>;

    /// Sets how many living devices it may hold, `None` for any number; `None` is returned where
    /// there is no such workspace.
    async fn set_device_limit(
        &self,
        workspace: WorkspaceId,
        device_limit: Option<u32>,
    ) -> Result<Option<Workspace>, RepositoryError>;
}

/// A workspace to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWorkspace {
    /// Its name, unique.
    pub name: String,
    /// How many living devices it may hold; `None`: no limit.
    pub device_limit: Option<u32>,
}

/// The users: the assignees of devices.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Stores a user; `None` where the workspace has a user of this address, in whatever case.
    async fn create(&self, user: NewUser) -> Result<Option<User>, RepositoryError>;

    /// The living users of a workspace, or of all of them, oldest first.
    async fn list(&self, workspace: Option<WorkspaceId>) -> Result<Vec<User>, RepositoryError>;
}

/// A user to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewUser {
    /// The workspace it belongs to.
    pub workspace: WorkspaceId,
    /// Unique among the workspace's users, without regard to case.
    pub email: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
}
