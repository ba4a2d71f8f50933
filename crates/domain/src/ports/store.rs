//! The store of all workspaces.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    AuditTrail, BatchRepository, DeviceRepository, EnrollmentRepository, EventFeed,
    FleetStatistics, RepositoryError, UserRepository, WorkspaceKeyRepository,
};
use crate::admission::Admission;
use crate::ids::WorkspaceId;
use crate::user::User;

/// The store of all workspaces.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns the repositories of one workspace. They MUST NOT read or write another workspace's
    /// data.
    fn for_workspace(&self, workspace: WorkspaceId) -> WorkspaceStore;

    /// Returns the repositories of the actor's workspace, for one request. They MUST decide its
    /// admission before their first work, and do nothing for a request that is not admitted, except
    /// fail with [`NotAdmitted`](RepositoryError::NotAdmitted).
    fn for_request(&self, admission: Arc<Admission>) -> WorkspaceStore;

    /// Lists the active users of one workspace, or of all workspaces, oldest first. For
    /// administration: an actor uses [`for_request`](Self::for_request).
    async fn list_users(
        &self,
        workspace: Option<WorkspaceId>,
    ) -> Result<Vec<User>, RepositoryError>;
}

/// The repositories of one workspace.
pub struct WorkspaceStore {
    /// Devices.
    pub devices: Box<dyn DeviceRepository>,
    /// Batches of devices.
    pub batches: Box<dyn BatchRepository>,
    /// Users: the assignees of devices.
    pub users: Box<dyn UserRepository>,
    /// Enrolments in device management.
    pub enrollments: Box<dyn EnrollmentRepository>,
    /// API keys.
    pub keys: Box<dyn WorkspaceKeyRepository>,
    /// Event feed.
    pub feed: Box<dyn EventFeed>,
    /// Statistics of the devices.
    pub statistics: Box<dyn FleetStatistics>,
    /// Histories of single objects.
    pub audit: Box<dyn AuditTrail>,
}
