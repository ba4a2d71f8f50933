//! Storage of API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::access::{Actor, ApiKey, Scope};
use crate::audit::{Operator, Origin};
use crate::ids::{KeyId, WorkspaceId};
use crate::key::{KeyRestriction, NewKeyFields};
use crate::paging::{Page, PageRequest};

/// The API keys of all workspaces. Only the SHA-256 hash and the first characters of a secret are
/// stored.
///
/// Every change MUST store an audit event of its operator in the same transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait KeyRepository: Send + Sync {
    /// Finds the actor whose key has this secret, if the key belongs to `workspace` and is not
    /// revoked, expired or retired. Records the use of the key later, at most once per minute.
    async fn find_actor(
        &self,
        workspace: WorkspaceId,
        secret_sha256: [u8; 32],
    ) -> Result<Option<Actor>, RepositoryError>;

    /// Stores a key, unless the workspace would then have more than `max` active keys. Keys that
    /// were replaced by a rotation do not count.
    async fn create(
        &self,
        key: NewApiKey,
        max: u32,
        operator: Operator,
    ) -> Result<ApiKey, KeyError>;

    /// Replaces the key `old` by a new key with the same name, scope and lifetime. The old key
    /// remains valid until `until`, or until the earlier time set by a previous rotation.
    /// Fails like [`create`](Self::create) if the workspace has `max` other active keys.
    ///
    /// MUST store both changes or neither.
    async fn rotate(
        &self,
        workspace: WorkspaceId,
        old: KeyId,
        secret: NewSecret,
        until: DateTime<Utc>,
        max: u32,
        operator: Operator,
    ) -> Result<ApiKey, KeyError>;

    /// Finds a key of any workspace by id. For administration.
    async fn find(&self, key: KeyId) -> Result<Option<ApiKey>, RepositoryError>;

    /// Lists the keys of a workspace, or of all workspaces, oldest first.
    async fn list(&self, workspace: Option<WorkspaceId>) -> Result<Vec<ApiKey>, RepositoryError>;

    /// Revokes a key. A key that is already revoked keeps the time of its revocation, and leaves no
    /// event.
    async fn revoke(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
        operator: Operator,
    ) -> Result<ApiKey, KeyError>;
}

/// The API keys of one workspace, managed with one of them: the key of `origin`, the acting key.
///
/// A change MUST begin with a check that the acting key is still active, MUST be decided while no
/// other call changes the keys of the workspace, and MUST store an audit event in the same
/// transaction. It fails with [`NotAdmitted`](RepositoryError::NotAdmitted) if the acting key is
/// not active any more. Otherwise two keys could revoke each other.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WorkspaceKeyRepository: Send + Sync {
    /// Lists a page of all keys, oldest first.
    async fn list(&self, page: PageRequest) -> Result<Page<ApiKey>, RepositoryError>;

    /// Finds a key by id, active or not.
    async fn find(&self, key: KeyId) -> Result<Option<ApiKey>, RepositoryError>;

    /// Returns the id of the key that was stored last, for a [`KeyPrecondition`].
    async fn newest(&self) -> Result<Option<KeyId>, RepositoryError>;

    /// Stores a key.
    ///
    /// MUST return [`KeyError::TooMany`] if the workspace has as many active keys as its
    /// [quota](crate::Quotas), [`KeyError::Forbidden`] if the acting key may not
    /// [grant](ApiKey::check_grant) the key, and [`KeyError::CreatedSince`] if the precondition is
    /// not met.
    async fn create(
        &self,
        key: NewKeyFields,
        secret: NewSecret,
        precondition: KeyPrecondition,
        origin: Origin,
    ) -> Result<ApiKey, KeyError>;

    /// Replaces the key `old` by a new key with the same name and scope, and the expiry of
    /// [`ApiKey::expiry_of_rotation`]. The old key remains valid until `until`, or until the
    /// earlier time set by a previous rotation. Fails like [`create`](Self::create).
    ///
    /// MUST store both changes or neither.
    async fn rotate(
        &self,
        old: KeyId,
        secret: NewSecret,
        until: DateTime<Utc>,
        precondition: KeyPrecondition,
        origin: Origin,
    ) -> Result<ApiKey, KeyError>;

    /// Revokes a key. A key that is already revoked keeps the time of its revocation, and leaves no
    /// event.
    ///
    /// MUST return [`KeyError::Forbidden`] for an active key that
    /// [must remain](ApiKey::check_revocation).
    async fn revoke(&self, key: KeyId, origin: Origin) -> Result<ApiKey, KeyError>;
}

/// Condition under which a key is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPrecondition {
    /// No condition.
    Any,
    /// No key with the same name was stored after this one. `None`: there is no such key at all.
    ///
    /// Makes a form safe to send twice: the second attempt fails. A secret is returned only once,
    /// so that a stored response cannot answer it.
    NoneSince(Option<KeyId>),
}

/// A key to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewApiKey {
    /// The workspace to which the key gives access.
    pub workspace: WorkspaceId,
    /// Label for people.
    pub name: String,
    /// Granted access.
    pub scope: Scope,
    /// The stored part of the secret.
    pub secret: NewSecret,
    /// Time from which the key is rejected. `None`: never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The stored part of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
    /// First characters of the secret: enough to recognize it, too few to guess the rest.
    pub prefix: String,
}

/// Error of storing or rotating a key. Nothing was stored, except possibly with
/// [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The workspace has its maximum number of active keys.
    #[error("the workspace has {0} active keys, which is the maximum")]
    TooMany(u32),
    /// The key does not exist.
    #[error("the key does not exist")]
    NotFound,
    /// The key is revoked, expired or retired.
    #[error("the key is revoked or expired")]
    Inactive,
    /// This key with the same name was stored after the one of the [`KeyPrecondition`].
    #[error("a key with this name was created meanwhile")]
    CreatedSince(Box<ApiKey>),
    /// A rule forbids the acting key to do this.
    #[error("a rule forbids it: {0:?}")]
    Forbidden(KeyRestriction),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
