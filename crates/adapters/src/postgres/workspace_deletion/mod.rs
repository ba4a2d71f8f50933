//! Deletion of a workspace with everything that belongs to it (ADR 47).
//!
//! Each step is a transaction and leaves the rest to the next one. The row of the workspace goes
//! last, so that an interrupted deletion can be repeated.

mod export;
mod tables;

use devices_domain::{Action, Author, KeyId, Operator, RepositoryError, Subject, WorkspaceId};
use diesel::dsl::{exists, min, now, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Bool, Text};

use crate::postgres::audit_events::NewEvent;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::keys::lock_keys;
use crate::postgres::schema::tables::{api_keys, audit_events, workspaces};
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::transaction::writers::wait_for_writers;
pub use export::{Exportable, ExportedPage};
use tables::{API_KEYS, AUDIT_EVENTS, BATCHED, Range, TenantTable};

/// Deletes workspaces. Requires the privileges of the owner of the tables.
#[derive(Clone)]
pub struct PostgresWorkspaceDeletion {
    database: Database,
}

impl PostgresWorkspaceDeletion {
    /// Creates a deletion on this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Returns the names of all tables whose rows are deleted, apart from `workspaces`.
    pub fn tables() -> Vec<&'static str> {
        let last = [AUDIT_EVENTS, API_KEYS];
        let tables = BATCHED.iter().chain(&last);
        tables.map(|table| table.name).collect()
    }

    /// Checks the privileges that deletions need.
    ///
    /// # Errors
    /// `Failed` if the user of the database may not delete workspaces.
    pub async fn check_privileges(&self) -> Result<(), RepositoryError> {
        // The name is bound, since the statement reads no rows of the table.
        let may_delete = sql::<Bool>("has_table_privilege(")
            .bind::<Text, _>("workspaces")
            .sql(", 'DELETE')");
        let may_delete: bool = self
            .database
            .run(|connection| {
                let privilege = diesel::select(may_delete);
                privilege.get_result(connection).map_err(classify)
            })
            .await?;
        if may_delete {
            Ok(())
        } else {
            let cause = "permission denied to delete from table workspaces";
            Err(RepositoryError::Failed(cause.into()))
        }
    }

    /// Counts the rows of the workspace.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count(
        &self,
        workspace: WorkspaceId,
        rows: Exportable,
    ) -> Result<u64, RepositoryError> {
        self.database
            .run(move |connection| export::count(connection, workspace, rows).map_err(classify))
            .await
    }

    /// Revokes all keys of the workspace, with audit events. Requests are rejected from now on,
    /// except those whose key was checked before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revoke_keys(
        &self,
        workspace: WorkspaceId,
        operator: Operator,
    ) -> Result<(), RepositoryError> {
        let author = Author::Command(operator);
        self.transact(move |connection| {
            // A request that creates a key has committed it, or will find its own key revoked.
            lock_keys(connection, workspace)?;
            let active = api_keys::table
                .filter(api_keys::workspace_id.eq(workspace.0))
                .filter(api_keys::revoked_at.is_null());
            let revoked: Vec<i64> = diesel::update(active)
                .set(api_keys::revoked_at.eq(now))
                .returning(api_keys::id)
                .get_results(connection)?;
            for key in revoked {
                NewEvent::new(Action::Revoked, Subject::Key(KeyId(key)))
                    .insert_audit_event(connection, workspace, &author)?;
            }
            Ok(())
        })
        .await
    }

    /// Waits for the transactions that are writing now, and returns the number of events of the
    /// workspace. If it is the same after an export as before, the export has everything that
    /// these transactions have written.
    ///
    /// Not the highest id: ids are assigned before the commit, so a lower one can appear later.
    ///
    /// # Errors
    /// `Unavailable` if the transactions do not end in time.
    pub async fn settled_event_count(
        &self,
        workspace: WorkspaceId,
    ) -> Result<u64, RepositoryError> {
        // Leaves time for the other statements before the caller stops waiting.
        let timeout = self.database.answer_timeout() / 2;
        self.database
            .run(move |connection| {
                let tables = Exportable::ALL.map(Exportable::table);
                if !wait_for_writers(connection, &tables, timeout).map_err(classify)? {
                    let cause = "requests or commands that write did not end in time; try again";
                    return Err(RepositoryError::Unavailable(cause.into()));
                }
                // Every change stores one of these in its transaction.
                let events = [Exportable::ChangeEvents, Exportable::AuditEvents];
                let counts = events.map(|rows| export::count(connection, workspace, rows));
                let counts: QueryResult<Vec<u64>> = counts.into_iter().collect();
                Ok(counts.map_err(classify)?.iter().sum())
            })
            .await
    }

    /// Reads a page of rows of the workspace.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn export_page(
        &self,
        workspace: WorkspaceId,
        rows: Exportable,
        after: i64,
    ) -> Result<ExportedPage, RepositoryError> {
        self.database
            .run(move |connection| {
                export::page(connection, workspace, rows, after).map_err(classify)
            })
            .await
    }

    /// Returns whether a deletion of the workspace has begun and was interrupted. Some of the rows
    /// are deleted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_begun(&self, workspace: WorkspaceId) -> Result<bool, RepositoryError> {
        self.database
            .run(move |connection| {
                let begun = exists(deletion_events(workspace));
                diesel::select(begun)
                    .get_result(connection)
                    .map_err(classify)
            })
            .await
    }

    /// Deletes everything that belongs to the workspace, in batches, and then the workspace. Calls
    /// `on_batch` with the number of rows that were deleted so far. Servers may run meanwhile.
    /// Returns the number of deleted rows.
    ///
    /// # Errors
    /// If the database fails. What was deleted stays deleted, and another call continues.
    pub async fn delete(
        &self,
        workspace: WorkspaceId,
        operator: Operator,
        mut on_batch: impl FnMut(u64) + Send,
    ) -> Result<u64, RepositoryError> {
        const MAX_PASSES: usize = 10;
        let begun = self.begin(workspace, Author::Command(operator)).await?;
        let mut total = 0;
        for _ in 0..MAX_PASSES {
            for table in BATCHED {
                let everything = Range {
                    after: 0,
                    before: i64::MAX,
                };
                self.delete_rows(workspace, table, everything, &mut total, &mut on_batch)
                    .await?;
            }
            let older = Range {
                after: 0,
                before: begun,
            };
            self.delete_rows(workspace, AUDIT_EVENTS, older, &mut total, &mut on_batch)
                .await?;
            if self.delete_last_rows(workspace).await? {
                return Ok(total);
            }
        }
        let cause = "requests or commands still write to the workspace; try again";
        Err(RepositoryError::Unavailable(cause.into()))
    }

    /// Stores the event of the deletion, unless an interrupted one has stored it. Returns its id.
    async fn begin(&self, workspace: WorkspaceId, author: Author) -> Result<i64, RepositoryError> {
        self.transact(move |connection| {
            let first = || deletion_events(workspace).select(min(audit_events::id));
            let found: Option<i64> = first().first(connection)?;
            if let Some(id) = found {
                return Ok(id);
            }
            NewEvent::new(Action::Deleted, Subject::Workspace)
                .insert_audit_event(connection, workspace, &author)?;
            let stored: Option<i64> = first().first(connection)?;
            stored.ok_or(DieselError::NotFound)
        })
        .await
    }

    /// Deletes the rows of a table in a range of ids, batch by batch.
    async fn delete_rows(
        &self,
        workspace: WorkspaceId,
        table: TenantTable,
        mut range: Range,
        total: &mut u64,
        on_batch: &mut (impl FnMut(u64) + Send),
    ) -> Result<(), RepositoryError> {
        loop {
            let batch = self
                .transact(move |connection| table.delete_batch(connection, workspace, range))
                .await?;
            *total += batch.deleted as u64;
            on_batch(*total);
            match batch.next {
                Some(next) => range.after = next,
                None => return Ok(()),
            }
        }
    }

    /// Deletes the row of the workspace with its last rows. Returns `false` if others exist again:
    /// a request whose key was checked before the revocation has written.
    async fn delete_last_rows(&self, workspace: WorkspaceId) -> Result<bool, RepositoryError> {
        self.database
            .transact(
                move |connection| match delete_last_rows(connection, workspace) {
                    Ok(()) => Ok((true, Effect::Unmarked)),
                    Err(DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => {
                        Ok((false, Effect::None))
                    }
                    Err(error) => Err(Failure::<RepositoryError>::Diesel(error)),
                },
            )
            .await
    }

    /// Runs work in a transaction of its own. A lost COMMIT stays in doubt: the command can be
    /// repeated.
    async fn transact<T: Send + 'static>(
        &self,
        work: impl Fn(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.database
            .transact(move |connection| Ok((work(connection)?, Effect::Unmarked)))
            .await
    }
}

/// Selects the events of the deletion of a workspace: they name no other object.
#[diesel::dsl::auto_type]
fn deletion_events(workspace: WorkspaceId) -> _ {
    let workspace: i64 = workspace.0;
    let deleted: &'static str = Action::Deleted.as_str();
    audit_events::table
        .filter(audit_events::workspace_id.eq(workspace))
        .filter(audit_events::action.eq(deleted))
        .filter(audit_events::user_id.is_null())
        .filter(audit_events::enrollment_id.is_null())
        .filter(audit_events::api_key_id.is_null())
}

fn delete_last_rows(connection: &mut PgConnection, workspace: WorkspaceId) -> QueryResult<()> {
    // Jobs may have counted the usage of the workspace again.
    for table in BATCHED.iter().filter(|table| table.is_small()) {
        table.delete_all(connection, workspace)?;
    }
    AUDIT_EVENTS.delete_all(connection, workspace)?;
    API_KEYS.delete_all(connection, workspace)?;
    diesel::delete(workspaces::table.find(workspace.0)).execute(connection)?;
    Ok(())
}
