//! The search index: a search document per device, and the queue of documents to index (ADR 28).

mod chunk;
mod queue;
mod rebuild;

use async_trait::async_trait;
use devices_domain::{
    DeviceId, IndexBacklog, IndexError, IndexedChunk, RebuildScope, RebuiltDocuments,
    RepositoryError, SearchIndex, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, is_statement_timeout};
pub(super) use queue::split_into_entries;

/// The search index of all workspaces, in PostgreSQL.
pub struct PostgresSearchIndex {
    database: Database,
}

impl PostgresSearchIndex {
    /// Creates the index on this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl SearchIndex for PostgresSearchIndex {
    async fn next_queued_workspace(
        &self,
        after: Option<WorkspaceId>,
    ) -> Result<Option<WorkspaceId>, RepositoryError> {
        self.database
            .run(move |connection| queue::next_workspace(connection, after).map_err(classify))
            .await
    }

    async fn index_chunk(
        &self,
        workspace: WorkspaceId,
        max_bytes: usize,
    ) -> Result<Option<IndexedChunk>, IndexError> {
        self.database
            .run(move |connection| {
                chunk::index(connection, workspace, max_bytes).map_err(to_index_error)
            })
            .await
    }

    async fn backlog(&self) -> Result<IndexBacklog, RepositoryError> {
        self.database
            .run(|connection| queue::backlog(connection).map_err(classify))
            .await
    }

    async fn rebuild(
        &self,
        workspace: WorkspaceId,
        after: Option<DeviceId>,
        scope: RebuildScope,
    ) -> Result<Option<RebuiltDocuments>, RepositoryError> {
        self.database
            .run(move |connection| {
                rebuild::rebuild_next(connection, workspace, after, scope).map_err(classify)
            })
            .await
    }
}

fn to_index_error(error: diesel::result::Error) -> IndexError {
    let is_timeout = is_statement_timeout(&error);
    let error = classify(error);
    if is_timeout {
        IndexError::StatementTimeout(error)
    } else {
        error.into()
    }
}

/// First key of the advisory locks of workspaces whose queued devices are being indexed.
const INDEX_LOCK: i32 = 0x1dec;

/// Tries to lock the queue of a workspace until the transaction ends. Returns whether it succeeded.
/// Two transactions that index the same devices would wait for each other, and could deadlock.
fn try_lock(connection: &mut PgConnection, workspace: WorkspaceId) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct LockRow {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        is_locked: bool,
    }
    let lock: LockRow =
        diesel::sql_query("SELECT pg_try_advisory_xact_lock($1, hashint8($2)) AS is_locked")
            .bind::<Integer, _>(INDEX_LOCK)
            .bind::<BigInt, _>(workspace.0)
            .get_result(connection)?;
    Ok(lock.is_locked)
}

/// Locks the queue of a workspace until the transaction ends. Waits for a chunk that is being
/// indexed.
pub(crate) fn lock(connection: &mut PgConnection, workspace: WorkspaceId) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1, hashint8($2))")
        .bind::<Integer, _>(INDEX_LOCK)
        .bind::<BigInt, _>(workspace.0)
        .execute(connection)?;
    Ok(())
}
