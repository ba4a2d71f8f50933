//! The devices of one workspace.

mod columns;
mod conflicts;
mod filter;
mod insert;
mod search_index;
mod select;
mod update;

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    ChangeDeviceError, Conflicts, CreateError, DeviceChange, DeviceFilter, DeviceId,
    DeviceRepository, IdempotentRequest, LookupKeys, NewBatch, Origin, Page, PageRequest,
    Precondition, RepositoryError, StoreResult, StoredDevice, StoredResponse, WorkspaceId,
};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::idempotency_keys;
use crate::postgres::transaction::group_commit::GroupCommitter;
use conflicts::Lookup;
pub(crate) use insert::InsertBatches;
use insert::SMALL;
pub use search_index::index_queued_devices;

/// The devices of one workspace, in PostgreSQL.
pub(crate) struct PostgresDevices {
    database: Database,
    committer: GroupCommitter<InsertBatches>,
    workspace: WorkspaceId,
}

impl PostgresDevices {
    pub(crate) fn new(
        database: Database,
        committer: GroupCommitter<InsertBatches>,
        workspace: WorkspaceId,
    ) -> Self {
        Self {
            database,
            committer,
            workspace,
        }
    }
}

#[async_trait]
impl DeviceRepository for PostgresDevices {
    async fn find_conflicts(&self, references: LookupKeys) -> Result<Conflicts, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .run(move |connection| {
                let found = conflicts::find(connection, workspace, &references, Lookup::Report);
                let found = found.map_err(classify)?;
                let device_limit = found.device_limit_reached(references.devices);
                Ok(Conflicts {
                    device_limit,
                    ..found.conflicts
                })
            })
            .await
    }

    async fn find_response(
        &self,
        attempt: IdempotentRequest,
    ) -> Result<Option<StoredResponse>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .run(move |connection| {
                let found = idempotency_keys::find(connection, workspace, &[&attempt]);
                Ok(found.map_err(classify)?.remove(&0))
            })
            .await
    }

    async fn create(&self, batch: Arc<NewBatch>) -> Result<StoreResult, CreateError> {
        match batch.devices.len() {
            ..SMALL => self.committer.submit(self.workspace, batch).await?,
            _ => {
                let alone = self.committer.work();
                alone.store_one(self.workspace, batch).await
            }
        }
    }

    async fn find(&self, device: DeviceId) -> Result<Option<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| {
                let found = select::load(connection, workspace, &[device.0])?;
                Ok(found.into_iter().next())
            })
            .await
    }

    async fn list(
        &self,
        filter: DeviceFilter,
        paging: PageRequest,
    ) -> Result<Page<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| select::list(connection, workspace, &filter, paging))
            .await
    }

    async fn next(
        &self,
        filter: DeviceFilter,
        after: Option<DeviceId>,
        most: u32,
    ) -> Result<Vec<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| select::next(connection, workspace, &filter, after, most))
            .await
    }

    async fn update(&self, change: Arc<DeviceChange>) -> Result<StoredDevice, ChangeDeviceError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| update::update(connection, workspace, &change))
            .await
    }

    async fn delete(
        &self,
        device: DeviceId,
        expected: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| {
                update::delete(connection, workspace, device, &expected, &origin)
            })
            .await
    }
}
