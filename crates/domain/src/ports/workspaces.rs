//! Storage of workspaces.

use async_trait::async_trait;

use super::RepositoryError;
use crate::access::Workspace;
use crate::audit::Operator;
use crate::ids::WorkspaceId;

/// All workspaces. Every change MUST store an audit event of its operator in the same transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait WorkspaceRepository: Send + Sync {
    /// Stores a workspace. Returns `None` if its name is taken.
    async fn create(
        &self,
        workspace: NewWorkspace,
        operator: Operator,
    ) -> Result<Option<Workspace>, RepositoryError>;

    /// Finds a workspace by name.
    async fn find(&self, name: String) -> Result<Option<Workspace>, RepositoryError>;

    /// Lists all workspaces, oldest first.
    async fn list(&self) -> Result<Vec<Workspace>, RepositoryError>;

    /// Sets the maximum number of active devices; `None` removes the limit. Returns the changed
    /// workspace, or `None` if it does not exist. An unchanged limit leaves no event.
    async fn set_device_limit(
        &self,
        workspace: WorkspaceId,
        device_limit: Option<u32>,
        operator: Operator,
    ) -> Result<Option<Workspace>, RepositoryError>;

    /// Changes the name of a workspace. Its keys and ids stay. An unchanged name leaves no event.
    async fn rename(
        &self,
        workspace: WorkspaceId,
        name: String,
        operator: Operator,
    ) -> Result<Workspace, RenameError>;
}

/// Error of renaming a workspace. Nothing was changed, except possibly with
/// [`RepositoryError::InDoubt`].
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    /// Another workspace has the name.
    #[error("another workspace has this name")]
    NameTaken,
    /// The workspace does not exist.
    #[error("the workspace does not exist")]
    NotFound,
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// A workspace to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWorkspace {
    /// Unique name.
    pub name: String,
    /// Maximum number of active devices. `None`: no limit.
    pub device_limit: Option<u32>,
}
