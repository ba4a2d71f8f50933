//! Storage of the search index.

use std::time::Duration;

use async_trait::async_trait;

use super::RepositoryError;
use crate::ids::{DeviceId, WorkspaceId};

/// The search index of all workspaces, and the queue of the devices that are not indexed yet.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Returns the workspace with queued devices that follows `after` by id, or the first one.
    /// Returns `None` at the end.
    async fn next_queued_workspace(
        &self,
        after: Option<WorkspaceId>,
    ) -> Result<Option<WorkspaceId>, RepositoryError>;

    /// Indexes the oldest queued devices of a workspace in one transaction. Returns `None` if there
    /// are none, or if another process is indexing them. MUST NOT wait for that process.
    ///
    /// MUST index at least one device, and others as long as their documents have at most
    /// `max_bytes` together.
    async fn index_chunk(
        &self,
        workspace: WorkspaceId,
        max_bytes: usize,
    ) -> Result<Option<IndexedChunk>, IndexError>;

    /// Measures the queue of all workspaces.
    async fn backlog(&self) -> Result<IndexBacklog, RepositoryError>;

    /// Builds the search documents of the next devices of a workspace after an id, archived ones
    /// included, from their stored fields. Returns `None` if no device is left.
    async fn rebuild(
        &self,
        workspace: WorkspaceId,
        after: Option<DeviceId>,
        scope: RebuildScope,
    ) -> Result<Option<RebuiltDocuments>, RepositoryError>;
}

/// Devices that were indexed in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedChunk {
    /// Number of devices.
    pub devices: usize,
    /// Time for which the first of them was queued.
    pub waited: Duration,
}

/// Devices that wait to be indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexBacklog {
    /// Number of devices.
    pub devices: u64,
    /// Time for which the oldest of them has been queued.
    pub oldest: Duration,
}

/// Devices whose search documents are rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildScope {
    /// Devices that are not indexed.
    Missing,
    /// All devices.
    All,
}

/// Part of a workspace whose search documents were rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuiltDocuments {
    /// Last device that was checked.
    pub last: DeviceId,
    /// Number of devices that were checked.
    pub checked: usize,
    /// Number of documents that were built.
    pub built: usize,
}

/// Failure to index a chunk. Its devices remain queued.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A statement exceeded its time limit. A smaller chunk may succeed.
    #[error("{0}")]
    StatementTimeout(#[source] RepositoryError),
    /// Any other error. The size of the chunk is not the reason.
    #[error("{0}")]
    Repository(#[from] RepositoryError),
}
