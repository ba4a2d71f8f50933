//! Enrolments in device management.

mod change;
mod row;
mod select;

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    EnrollmentReport, EnrollmentRepository, Origin, Page, PageRequest, RepositoryError,
    SerialNumber, StoredEnrollment, WorkspaceId,
};

use crate::postgres::connection::database::Database;
use change::{delete, put};
use select::list;
pub(crate) use select::newest;

/// The enrolments of one workspace, in PostgreSQL.
pub(crate) struct PostgresEnrollments {
    database: Database,
    workspace: WorkspaceId,
}

impl PostgresEnrollments {
    pub(crate) fn new(database: Database, workspace: WorkspaceId) -> Self {
        Self {
            database,
            workspace,
        }
    }
}

#[async_trait]
impl EnrollmentRepository for PostgresEnrollments {
    async fn list(
        &self,
        linked: Option<bool>,
        paging: PageRequest,
    ) -> Result<Page<StoredEnrollment>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| list(connection, workspace, linked, paging))
            .await
    }

    async fn put(
        &self,
        report: Arc<EnrollmentReport>,
    ) -> Result<(StoredEnrollment, bool), RepositoryError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| put(connection, workspace, &report))
            .await
    }

    async fn delete(
        &self,
        serial_number: SerialNumber,
        origin: Origin,
    ) -> Result<Option<StoredEnrollment>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| delete(connection, workspace, &serial_number, &origin))
            .await
    }
}
