//! Storage of sessions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::ids::WorkspaceId;
use crate::session::Session;

/// The sessions of all workspaces. Only the SHA-256 hash of a token is stored.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Stores a session of the key with the secret of `session`. Returns `None`, and stores
    /// nothing, unless the key belongs to the workspace and is active.
    ///
    /// MUST end the oldest sessions of a key that would otherwise have more than
    /// [`Session::MAX_PER_KEY`], so that a client that signs in again and again cannot fill the
    /// storage.
    async fn create(&self, session: NewSession) -> Result<Option<Session>, RepositoryError>;

    /// Finds the session with this token, if it belongs to `workspace`, is not expired, and its key
    /// is not revoked, expired or retired. Records the use of the key later, at most once per
    /// minute.
    async fn find(
        &self,
        workspace: WorkspaceId,
        token_sha256: [u8; 32],
    ) -> Result<Option<Session>, RepositoryError>;

    /// Deletes the session with this token, if there is one.
    async fn delete(
        &self,
        workspace: WorkspaceId,
        token_sha256: [u8; 32],
    ) -> Result<(), RepositoryError>;

    /// Deletes the expired sessions of all workspaces. Returns their number.
    async fn purge_expired(&self) -> Result<usize, RepositoryError>;
}

/// A session to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSession {
    /// Workspace in the secret.
    pub workspace: WorkspaceId,
    /// SHA-256 of the secret of the key.
    pub secret_sha256: [u8; 32],
    /// SHA-256 of the random token of the session.
    pub token_sha256: [u8; 32],
    /// Time at which the session ends.
    pub expires_at: DateTime<Utc>,
}
