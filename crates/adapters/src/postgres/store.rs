//! The store of all workspaces.

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    Admission, Quotas, RepositoryError, Store, User, WorkspaceId, WorkspaceStore,
};

use super::audit_trail::PostgresAuditTrail;
use super::batches::PostgresBatches;
use super::connection::database::Database;
use super::devices::{CreateBatches, FindDevices, PostgresDevices};
use super::enrollments::PostgresEnrollments;
use super::event_feed::PostgresEventFeed;
use super::keys::PostgresWorkspaceKeys;
use super::statistics::{OverviewCache, PostgresStatistics};
use super::transaction::group_commit::GroupCommitter;
use super::users::{self, PostgresUsers};

/// The store of all workspaces, in PostgreSQL. Clones share the connections and the group commit.
#[derive(Clone)]
pub struct PostgresStore {
    database: Database,
    committer: GroupCommitter<CreateBatches>,
    finder: GroupCommitter<FindDevices>,
    quotas: Quotas,
    overviews: Arc<OverviewCache>,
}

impl PostgresStore {
    /// Creates a store on this database. The quotas apply to each workspace.
    pub fn new(database: Database, quotas: Quotas) -> Self {
        let batches = CreateBatches::new(database.clone(), quotas.response_bytes);
        let committer = GroupCommitter::new(batches, database.pool_timeout());
        let finder = FindDevices::new(database.clone());
        let finder = GroupCommitter::new(finder, database.pool_timeout());
        Self {
            database,
            committer,
            finder,
            quotas,
            overviews: Arc::default(),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn for_workspace(&self, workspace: WorkspaceId) -> WorkspaceStore {
        self.repositories(workspace, &self.database.for_workspace(workspace))
    }

    fn for_request(&self, admission: Arc<Admission>) -> WorkspaceStore {
        let workspace = admission.actor().workspace;
        self.repositories(workspace, &self.database.for_request(admission))
    }

    async fn list_users(
        &self,
        workspace: Option<WorkspaceId>,
    ) -> Result<Vec<User>, RepositoryError> {
        users::list_all(&self.database, workspace).await
    }
}

impl PostgresStore {
    /// Returns the repositories of a workspace, which use this handle.
    fn repositories(&self, workspace: WorkspaceId, database: &Database) -> WorkspaceStore {
        let database = || database.clone();
        WorkspaceStore {
            devices: Box::new(PostgresDevices::new(
                database(),
                self.committer.clone(),
                self.finder.clone(),
                workspace,
                self.quotas,
            )),
            batches: Box::new(PostgresBatches::new(
                database(),
                self.committer.work().ids(),
                workspace,
            )),
            users: Box::new(PostgresUsers::new(database(), workspace, self.quotas.users)),
            enrollments: Box::new(PostgresEnrollments::new(
                database(),
                workspace,
                self.quotas.enrollments,
            )),
            keys: Box::new(PostgresWorkspaceKeys::new(
                database(),
                workspace,
                self.quotas.keys,
            )),
            feed: Box::new(PostgresEventFeed::new(database(), workspace)),
            statistics: Box::new(PostgresStatistics::new(
                database(),
                &self.database,
                Arc::clone(&self.overviews),
                workspace,
            )),
            audit: Box::new(PostgresAuditTrail::new(database(), workspace)),
        }
    }
}
