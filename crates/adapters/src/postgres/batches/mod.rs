//! The batches of one workspace. A batch without options is its event alone.

mod select;
mod undo;

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    BatchFilter, BatchId, BatchRepository, BatchUndo, Origin, Page, PageRequest, RepositoryError,
    StoredBatch, WorkspaceId,
};

use crate::postgres::connection::database::Database;
use crate::postgres::devices::IdBlocks;

/// SQL condition that an event is the first one of its batch: the creation of devices without
/// options, or the event whose id is the number of a batch with options. An index has it.
const IS_FIRST_EVENT: &str = "(device_events.batch_id = device_events.id \
     OR (device_events.batch_id IS NULL AND device_events.action = 'CREATED' \
         AND device_events.user_id IS NULL AND device_events.enrollment_id IS NULL))";

/// The batches of one workspace, in PostgreSQL.
pub(crate) struct PostgresBatches {
    database: Database,
    ids: Arc<IdBlocks>,
    workspace: WorkspaceId,
}

impl PostgresBatches {
    pub(crate) fn new(database: Database, ids: Arc<IdBlocks>, workspace: WorkspaceId) -> Self {
        Self {
            database,
            ids,
            workspace,
        }
    }
}

#[async_trait]
impl BatchRepository for PostgresBatches {
    async fn list(
        &self,
        filter: BatchFilter,
        page: PageRequest,
    ) -> Result<Page<StoredBatch>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .query(move |connection| select::list(connection, workspace, filter, page))
            .await
    }

    async fn find(&self, batch: BatchId) -> Result<Option<StoredBatch>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| select::find(connection, workspace, batch))
            .await
    }

    async fn preview_undo(
        &self,
        batch: BatchId,
        include_changed: bool,
    ) -> Result<Option<BatchUndo>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| undo::preview(connection, workspace, batch, include_changed))
            .await
    }

    async fn undo(
        &self,
        batch: BatchId,
        include_changed: bool,
        origin: Origin,
    ) -> Result<Option<BatchUndo>, RepositoryError> {
        let workspace = self.workspace;
        let ids = Arc::clone(&self.ids);
        self.database
            .transact(move |connection| {
                let undone =
                    undo::undo(connection, &ids, workspace, batch, include_changed, &origin);
                Ok(undone?)
            })
            .await
    }
}
