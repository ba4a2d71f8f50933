//! Storage of users.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::audit::{Author, Origin};
use crate::ids::UserId;
use crate::paging::{Page, PageRequest};
use crate::search::Search;
use crate::user::{User, UserFields, UserPatch};
use crate::validation::error::FieldError;

/// The users of one workspace: the assignees of its devices.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Finds an active user by id.
    async fn find(&self, user: UserId) -> Result<Option<User>, RepositoryError>;

    /// Lists a page of the active users that match the filter, newest first. A search lists the
    /// most relevant users first, then the newest.
    async fn list(
        &self,
        filter: UserFilter,
        page: PageRequest,
    ) -> Result<Page<User>, RepositoryError>;

    /// Stores a user.
    ///
    /// MUST store the audit event in the same transaction. MUST have committed durably before it
    /// returns. MUST NOT return [`RepositoryError::Unavailable`] if the user may be stored now or
    /// later. MUST return [`ChangeUserError::QuotaExceeded`] if the workspace has as many users as
    /// its [quota](crate::Quotas).
    async fn create(&self, user: UserFields, author: Author) -> Result<User, ChangeUserError>;

    /// Applies a patch to a user. Returns the changed user.
    ///
    /// MUST apply the patch while no other call can change the user. MUST store the audit event in
    /// the same transaction. A patch that changes nothing MUST NOT leave an event or a new time of
    /// change. MUST be as durable as [`create`](Self::create).
    async fn update(&self, change: Arc<UserChange>) -> Result<User, ChangeUserError>;

    /// Deletes a user to whom no active device is assigned. Returns the user as it was.
    ///
    /// MUST prevent a device from being assigned to the user at the same time. MUST store the audit
    /// event in the same transaction.
    async fn delete(&self, user: UserId, origin: Origin) -> Result<User, ChangeUserError>;
}

/// Conditions that a listed user meets. A condition that is `None` is always met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserFilter {
    /// The user matches the search.
    pub search: Option<Search>,
    /// The user was created or changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
}

/// A patch of one user.
#[derive(Debug, Clone)]
pub struct UserChange {
    /// The user.
    pub user: UserId,
    /// The new values.
    pub patch: UserPatch,
    /// The author of the audit event.
    pub origin: Origin,
}

/// Error of storing, changing or deleting a user. Nothing was changed, except possibly with
/// [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    /// The user does not exist.
    #[error("the user does not exist")]
    NotFound,
    /// This active user has the email address, compared by its folded form.
    #[error("the email address is taken")]
    EmailTaken(UserId),
    /// The changed user would break a rule.
    #[error("the change is invalid: {0}")]
    Rejected(FieldError),
    /// Devices are assigned to the user.
    #[error("devices are assigned to the user")]
    HasDevices,
    /// The workspace has as many users as its quota.
    #[error("the workspace has its maximum number of users")]
    QuotaExceeded,
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
