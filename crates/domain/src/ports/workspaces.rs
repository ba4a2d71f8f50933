//! Workspaces.

use async_trait::async_trait;

use super::RepositoryError;
use crate::access::Workspace;
use crate::ids::WorkspaceId;

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
