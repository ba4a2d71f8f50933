//! Workspaces.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Action, Author, NewWorkspace, Operator, RenameError, RepositoryError, Subject, Workspace,
    WorkspaceId, WorkspaceRepository,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use crate::postgres::audit_events::NewEvent;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, on_unique_violation};
use crate::postgres::devices::device_limit;
use crate::postgres::schema::tables::workspaces;
use crate::postgres::transaction::writers::wait_for_writers;

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

/// Stores a workspace and the event of its creation.
fn create(
    connection: &mut PgConnection,
    workspace: &NewWorkspace,
    author: &Author,
) -> QueryResult<WorkspaceRow> {
    let created: WorkspaceRow = diesel::insert_into(workspaces::table)
        .values((
            workspaces::name.eq(&workspace.name),
            workspaces::device_limit.eq(to_column(workspace.device_limit)),
        ))
        .returning(WorkspaceRow::as_returning())
        .get_result(connection)?;
    let event = NewEvent::new(Action::Created, Subject::Workspace);
    event.insert_audit_event(connection, WorkspaceId(created.id), author)?;
    Ok(created)
}

/// Prepares a workspace without a limit for its first one: sets a limit that is never reached, and
/// waits for the transactions that may have read that there is none.
fn prepare_first_limit(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    timeout: Duration,
) -> Result<(), RepositoryError> {
    let is_unlimited = workspaces::device_limit
        .is_null()
        .or(workspaces::device_limit.eq(device_limit::UNREACHABLE));
    let prepared = diesel::update(workspaces::table.find(workspace.0).filter(is_unlimited))
        .set(workspaces::device_limit.eq(device_limit::UNREACHABLE))
        .execute(connection)
        .map_err(classify)?;
    if prepared > 0 && !wait_for_writers(connection, &["devices"], timeout).map_err(classify)? {
        let cause = "transactions that write devices did not end in time; try again";
        return Err(RepositoryError::Unavailable(cause.into()));
    }
    Ok(())
}

/// Sets the device limit of a workspace, with an event if it changes.
fn set_device_limit(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    limit: Option<i32>,
    author: &Author,
) -> QueryResult<Option<WorkspaceRow>> {
    let found = lock(connection, workspace)?;
    if found
        .as_ref()
        .is_none_or(|found| found.device_limit == limit)
    {
        return Ok(found);
    }
    insert_change_event(connection, workspace, "device_limit", author)?;
    diesel::update(workspaces::table.find(workspace.0))
        .set(workspaces::device_limit.eq(limit))
        .returning(WorkspaceRow::as_returning())
        .get_result(connection)
        .optional()
}

/// Renames a workspace, with an event if its name changes.
fn rename(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    name: &str,
    author: &Author,
) -> QueryResult<Option<WorkspaceRow>> {
    let found = lock(connection, workspace)?;
    if found.as_ref().is_none_or(|found| found.name == name) {
        return Ok(found);
    }
    insert_change_event(connection, workspace, "name", author)?;
    diesel::update(workspaces::table.find(workspace.0))
        .set(workspaces::name.eq(name))
        .returning(WorkspaceRow::as_returning())
        .get_result(connection)
        .optional()
}

/// Finds a workspace, and locks it against other changes.
fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<Option<WorkspaceRow>> {
    workspaces::table
        .find(workspace.0)
        .select(WorkspaceRow::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()
}

/// Inserts the event of a change of one field.
fn insert_change_event(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    field: &'static str,
    author: &Author,
) -> QueryResult<()> {
    let event = NewEvent::new(Action::Updated, Subject::Workspace);
    let event = event.with_fields(vec![field]);
    event.insert_audit_event(connection, workspace, author)
}

#[expect(
    clippy::disallowed_methods,
    reason = "after a lost COMMIT, `workspace list` shows the outcome"
)]
#[async_trait]
impl WorkspaceRepository for PostgresWorkspaces {
    async fn create(
        &self,
        workspace: NewWorkspace,
        operator: Operator,
    ) -> Result<Option<Workspace>, RepositoryError> {
        let author = Author::Command(operator);
        let row: Option<WorkspaceRow> = self
            .database
            .run(move |connection| {
                let created =
                    connection.transaction(|connection| create(connection, &workspace, &author));
                on_unique_violation(created, "workspaces_name_key")
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
        operator: Operator,
    ) -> Result<Option<Workspace>, RepositoryError> {
        let limit = to_column(device_limit);
        let author = Author::Command(operator);
        // Leaves time for the other statements before the caller stops waiting.
        let timeout = self.database.answer_timeout() / 2;
        let row: Option<WorkspaceRow> = self
            .database
            .run(move |connection| {
                if limit.is_some_and(|limit| limit < device_limit::UNREACHABLE) {
                    prepare_first_limit(connection, workspace, timeout)?;
                }
                let set = |connection: &mut PgConnection| {
                    set_device_limit(connection, workspace, limit, &author)
                };
                connection.transaction(set).map_err(classify)
            })
            .await?;
        Ok(row.map(Workspace::from))
    }
    async fn rename(
        &self,
        workspace: WorkspaceId,
        name: String,
        operator: Operator,
    ) -> Result<Workspace, RenameError> {
        let author = Author::Command(operator);
        let row: Option<Option<WorkspaceRow>> = self
            .database
            .run(move |connection| {
                let rename =
                    |connection: &mut PgConnection| rename(connection, workspace, &name, &author);
                let renamed = connection.transaction(rename);
                on_unique_violation(renamed, "workspaces_name_key")
            })
            .await?;
        let row = row.ok_or(RenameError::NameTaken)?;
        row.map(Workspace::from).ok_or(RenameError::NotFound)
    }
}
