//! Users.

use std::sync::Arc;

use async_trait::async_trait;

use super::RepositoryError;
use crate::audit::Origin;
use crate::ids::UserId;
use crate::paging::{Page, PageRequest};
use crate::search::Search;
use crate::user::{User, UserFields, UserPatch};
use crate::validation::error::FieldError;

/// The users of one workspace: the assignees of its devices.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// The living user of this number.
    async fn find(&self, user: UserId) -> Result<Option<User>, RepositoryError>;

    /// A page of the living users, newest first; where they are searched for, the most relevant first,
    /// then the newest.
    async fn list(
        &self,
        search: Option<Search>,
        paging: PageRequest,
    ) -> Result<Page<User>, RepositoryError>;

    /// Stores a user. MUST store the event of the audit trail with it or not at all, where it is put
    /// down to a key. MUST have stored it durably before it returns, and MUST NOT return
    /// [`RepositoryError::Unavailable`] where it may be stored now or later.
    async fn create(
        &self,
        user: UserFields,
        origin: Option<Origin>,
    ) -> Result<User, ChangeUserError>;

    /// Changes a user by a patch, and returns what it has become. MUST apply the patch to the user as
    /// it is when nobody else can change it. Promises of the audit trail and of durability are those
    /// of [`create`](Self::create).
    async fn update(&self, change: Arc<UserChange>) -> Result<User, ChangeUserError>;

    /// Deletes a user that no living device is given to, and returns what it was. MUST keep any device
    /// from being given to it meanwhile.
    async fn delete(&self, user: UserId, origin: Origin) -> Result<User, ChangeUserError>;
}

/// What is to become of one user.
#[derive(Debug, Clone)]
pub struct UserChange {
    /// Which.
    pub user: UserId,
    /// What changes.
    pub patch: UserPatch,
    /// Whom the audit trail puts it down to.
    pub origin: Origin,
}

/// Why a user was not stored, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    /// There is none.
    #[error("there is no such user")]
    NotFound,
    /// This living user has its address, in whatever case.
    #[error("the address is taken")]
    EmailTaken(UserId),
    /// What it would become breaks a rule.
    #[error("the change is refused: {0}")]
    Refused(FieldError),
    /// Devices are given to it.
    #[error("devices are given to the user")]
    HoldsDevices,
    /// The store gave no answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
