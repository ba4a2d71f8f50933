//! API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::access::{Actor, ApiKey, Scope};
use crate::ids::{KeyId, WorkspaceId};

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
