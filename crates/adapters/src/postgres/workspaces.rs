//! Workspaces.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{NewWorkspace, RepositoryError, Workspace, WorkspaceId, WorkspaceRepository};
use diesel::prelude::*;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, on_unique_violation};
use crate::postgres::schema::tables::workspaces;

/// The workspaces, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresWorkspaces {
    database: Database,
}

impl PostgresWorkspaces {
    /// Creates a repository on this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspaces)]
struct WorkspaceRow {
    id: i64,
    name: String,
    device_limit: Option<i32>,
    created_at: DateTime<Utc>,
}

impl From<WorkspaceRow> for Workspace {
    fn from(row: WorkspaceRow) -> Self {
        Self {
            id: WorkspaceId(row.id),
            name: row.name,
            device_limit: row.device_limit.map(i32::unsigned_abs),
            created_at: row.created_at,
        }
    }
}

/// Converts a device limit to the type of its column. A limit that exceeds the column's range is
/// stored as the column's maximum (2^31 - 1), which no workspace reaches.
fn to_column(limit: Option<u32>) -> Option<i32> {
    limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX))
}

#[async_trait]
impl WorkspaceRepository for PostgresWorkspaces {
    async fn create(&self, workspace: NewWorkspace) -> Result<Option<Workspace>, RepositoryError> {
        let insert = diesel::insert_into(workspaces::table)
            .values((
                workspaces::name.eq(workspace.name),
                workspaces::device_limit.eq(to_column(workspace.device_limit)),
            ))
            .returning(WorkspaceRow::as_returning());
        let row: Option<WorkspaceRow> = self
            .database
            .run(move |connection| {
                on_unique_violation(insert.get_result(connection), "workspaces_name_key")
            })
            .await?;
        Ok(row.map(Workspace::from))
    }

    async fn find(&self, name: String) -> Result<Option<Workspace>, RepositoryError> {
        let query = workspaces::table
            .filter(workspaces::name.eq(name))
            .select(WorkspaceRow::as_select());
        let row: Option<WorkspaceRow> = self
            .database
            .run(move |connection| query.first(connection).optional().map_err(classify))
            .await?;
        Ok(row.map(Workspace::from))
    }

    async fn list(&self) -> Result<Vec<Workspace>, RepositoryError> {
        let query = workspaces::table
            .order(workspaces::id)
            .select(WorkspaceRow::as_select());
        let rows: Vec<WorkspaceRow> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        Ok(rows.into_iter().map(Workspace::from).collect())
    }

    async fn set_device_limit(
        &self,
        workspace: WorkspaceId,
        device_limit: Option<u32>,
    ) -> Result<Option<Workspace>, RepositoryError> {
        let update = diesel::update(workspaces::table.find(workspace.0))
            .set(workspaces::device_limit.eq(to_column(device_limit)))
            .returning(WorkspaceRow::as_returning());
        let row: Option<WorkspaceRow> = self
            .database
            .run(move |connection| update.get_result(connection).optional().map_err(classify))
            .await?;
        Ok(row.map(Workspace::from))
    }
}
