//! The device management (MDM) enrolments of one workspace.

mod change;
mod row;
mod select;

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    EnrollmentFilter, EnrollmentReport, EnrollmentRepository, IdentifierKey, Origin, Page,
    PageRequest, PutEnrollmentError, RepositoryError, StoredEnrollment, WorkspaceId,
};

use crate::postgres::connection::database::Database;
pub(crate) use row::EnrollmentRow;
pub(crate) use select::newest;

/// The enrolments of one workspace, in PostgreSQL.
pub(crate) struct PostgresEnrollments {
    database: Database,
    workspace: WorkspaceId,
    /// Maximum number of active enrolments.
    quota: u64,
}

impl PostgresEnrollments {
    pub(crate) fn new(database: Database, workspace: WorkspaceId, quota: u64) -> Self {
        Self {
            database,
            workspace,
            quota,
        }
    }
}

#[async_trait]
impl EnrollmentRepository for PostgresEnrollments {
    async fn find(
        &self,
        serial_number: IdentifierKey,
    ) -> Result<Option<StoredEnrollment>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| select::find(connection, workspace, &serial_number))
            .await
    }

    async fn list(
        &self,
        filter: EnrollmentFilter,
        page: PageRequest,
    ) -> Result<Page<StoredEnrollment>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .query(move |connection| select::list(connection, workspace, &filter, page))
            .await
    }

    async fn put(
        &self,
        report: Arc<EnrollmentReport>,
    ) -> Result<(StoredEnrollment, bool), PutEnrollmentError> {
        let (workspace, quota) = (self.workspace, self.quota);
        self.database
            .transact(move |connection| change::put(connection, workspace, &report, quota))
            .await
    }

    async fn delete(
        &self,
        serial_number: IdentifierKey,
        origin: Origin,
    ) -> Result<Option<StoredEnrollment>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| {
                change::delete(connection, workspace, &serial_number, &origin)
            })
            .await
    }
}
