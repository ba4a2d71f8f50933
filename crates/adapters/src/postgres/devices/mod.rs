//! The devices of one workspace.

mod accepted_batch;
mod binary_copy;
mod bulk_change;
mod change_events;
mod change_statement;
mod column_arrays;
mod columns;
mod conflicts;
mod create;
mod create_transaction;
pub(crate) mod device_limit;
mod end_date_filter;
mod export;
mod filter;
mod find;
mod id_blocks;
mod indexed_condition;
mod insert;
mod one_statement;
mod prepared_batch;
mod restore;
mod row_locks;
mod search;
mod search_index;
mod select;
mod stored_state;
mod unlocked_change;
mod update;
mod update_states;
mod upsert;
mod value_filter;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    Author, BatchPlan, BulkChange, BulkChangeError, BulkPreview, BulkResult, ChangeDeviceError,
    Conflicts, CreateError, DeviceChange, DeviceFilter, DeviceId, DeviceRepository,
    IdempotentRequest, IdentifierKey, LookupKeys, NewBatch, NewUpsert, Origin, Page, PageRequest,
    Precondition, Quotas, RepositoryError, Search, StoreResult, StoredDevice, StoredResponse,
    UpsertBatch, UpsertError, UpsertOutcome, WorkspaceId,
};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::idempotency_keys;
use crate::postgres::transaction::group_commit::GroupCommitter;
use crate::postgres::transaction::run::{Effect, transact_on};
pub(crate) use columns::folded_if_different;
use conflicts::Lookup;
pub(crate) use create::CreateBatches;
use create::GROUP_COMMIT_BELOW;
pub(crate) use find::FindDevices;
pub(crate) use id_blocks::IdBlocks;
use prepared_batch::PreparedBatch;
pub use search_index::PostgresSearchIndex;
pub(crate) use search_index::lock as lock_search_index;
use select::FoundKeys;
pub(crate) use stored_state::StoredState;
pub(crate) use update_states::{StateChange, StatusAfter, apply as change_devices};
use upsert::UpsertTransaction;

/// The devices of one workspace, in PostgreSQL.
pub(crate) struct PostgresDevices {
    database: Database,
    committer: GroupCommitter<CreateBatches>,
    finder: GroupCommitter<FindDevices>,
    workspace: WorkspaceId,
    quotas: Quotas,
}

impl PostgresDevices {
    pub(crate) fn new(
        database: Database,
        committer: GroupCommitter<CreateBatches>,
        finder: GroupCommitter<FindDevices>,
        workspace: WorkspaceId,
        quotas: Quotas,
    ) -> Self {
        Self {
            database,
            committer,
            finder,
            workspace,
            quotas,
        }
    }

    fn ids(&self) -> Arc<IdBlocks> {
        self.committer.work().ids()
    }

    /// Returns the attribute keys of the devices that match a search. Reads some thousand devices
    /// at a time, so that no statement takes long.
    async fn found_attribute_keys(
        &self,
        filter: DeviceFilter,
        search: Search,
        max: usize,
    ) -> Result<Vec<String>, RepositoryError> {
        let workspace = self.workspace;
        let mut keys = BTreeSet::new();
        let mut after = None;
        loop {
            let (filter, search) = (filter.clone(), search.clone());
            let found = self.database.query(move |connection| {
                select::attribute_keys_after(connection, workspace, &filter, &search, after, max)
            });
            let FoundKeys { keys: found, last } = found.await?;
            keys.extend(found);
            after = last;
            if after.is_none() || keys.len() >= max {
                return Ok(keys.into_iter().take(max).collect());
            }
        }
    }
}

#[async_trait]
impl DeviceRepository for PostgresDevices {
    async fn find_conflicts(&self, keys: LookupKeys) -> Result<Conflicts, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .run(move |connection| {
                let found = conflicts::find(connection, workspace, &keys, Lookup::Complete);
                let found = found.map_err(classify)?;
                let device_limit = found.device_limit_reached(keys.added_devices);
                Ok(Conflicts {
                    device_limit,
                    ..found.conflicts
                })
            })
            .await
    }

    async fn find_response(
        &self,
        request: IdempotentRequest,
    ) -> Result<Option<StoredResponse>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .run(move |connection| {
                let found = idempotency_keys::find(connection, workspace, &[&request]);
                Ok(found.map_err(classify)?.remove(&0))
            })
            .await
    }

    async fn create(&self, batch: Arc<NewBatch>) -> Result<StoreResult, CreateError> {
        let is_small = batch.devices.len() < GROUP_COMMIT_BELOW;
        let prepared = PreparedBatch::new(batch).await?;
        if is_small {
            let admission = self.database.admission().cloned();
            self.committer
                .submit(self.workspace, prepared, admission)
                .await
        } else {
            let create = self.committer.work();
            create
                .create_alone(&self.database, self.workspace, prepared)
                .await
        }
    }

    async fn upsert(&self, upsert: Arc<NewUpsert>) -> Result<UpsertOutcome, UpsertError> {
        let (workspace, ids, quotas) = (self.workspace, self.ids(), self.quotas);
        let mut lookup = upsert::first_lookup(&upsert.batch);
        self.database
            .transact(move |connection| {
                let transaction = UpsertTransaction {
                    workspace,
                    ids: &ids,
                    quotas,
                    lookup: std::mem::replace(&mut lookup, Lookup::Complete),
                };
                transaction.run(connection, &upsert)
            })
            .await
    }

    async fn plan_upsert(&self, batch: Arc<UpsertBatch>) -> Result<BatchPlan, UpsertError> {
        let (workspace, user_quota) = (self.workspace, self.quotas.users);
        // The transaction has no effect, and is rolled back. It does not count as a write.
        let planned = self.database.run_leased(move |lease, gate| {
            transact_on(lease, gate, |connection| {
                let plan = upsert::plan(connection, workspace, &batch, user_quota)?;
                Ok((plan, Effect::None))
            })
        });
        let planned: Result<_, UpsertError> = planned.await;
        self.database.resolve(planned?).await
    }

    async fn find(&self, device: DeviceId) -> Result<Option<StoredDevice>, RepositoryError> {
        let admission = self.database.admission().cloned();
        self.finder.submit(self.workspace, device, admission).await
    }

    async fn list(
        &self,
        filter: DeviceFilter,
        page: PageRequest,
    ) -> Result<Page<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .query(move |connection| select::list(connection, workspace, &filter, page))
            .await
    }

    async fn list_by_id(
        &self,
        filter: DeviceFilter,
        after: Option<DeviceId>,
        max: u32,
    ) -> Result<Vec<StoredDevice>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .query(move |connection| select::list_by_id(connection, workspace, &filter, after, max))
            .await
    }

    async fn attribute_keys(
        &self,
        filter: DeviceFilter,
        max: usize,
    ) -> Result<Vec<String>, RepositoryError> {
        let workspace = self.workspace;
        if let Some(search) = filter.search.clone() {
            return self.found_attribute_keys(filter, search, max).await;
        }
        self.database
            .query(move |connection| select::attribute_keys(connection, workspace, &filter, max))
            .await
    }

    async fn known_serial_numbers(
        &self,
        serial_numbers: Vec<IdentifierKey>,
    ) -> Result<Vec<IdentifierKey>, RepositoryError> {
        let workspace = self.workspace;
        let wanted = filter::distinct(&serial_numbers);
        let known = self
            .database
            .query(move |connection| select::known_serial_numbers(connection, workspace, &wanted))
            .await?;
        let is_known = |key: &IdentifierKey| key.folded().is_some_and(|key| known.contains(key));
        Ok(serial_numbers.into_iter().filter(is_known).collect())
    }

    async fn record_export(
        &self,
        filter: DeviceFilter,
        origin: Origin,
    ) -> Result<(), RepositoryError> {
        let workspace = self.workspace;
        let author = Author::Request(origin);
        // Counting the devices is a query.
        let database = self.database.for_queries();
        database
            .run(move |connection| {
                let recorded = export::record(connection, workspace, &filter, &author);
                recorded.map_err(classify)
            })
            .await
    }

    async fn update(&self, change: Arc<DeviceChange>) -> Result<StoredDevice, ChangeDeviceError> {
        let workspace = self.workspace;
        let (ids, device) = (self.ids(), change.device);
        let (unlocked_ids, unlocked_change) = (Arc::clone(&ids), Arc::clone(&change));
        self.change(
            device,
            move |lease, gate| {
                unlocked_change::update(lease, gate, &unlocked_ids, workspace, &unlocked_change)
            },
            move |connection| update::update(connection, &ids, workspace, &change),
        )
        .await
    }

    async fn delete(
        &self,
        device: DeviceId,
        precondition: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        let workspace = self.workspace;
        let ids = self.ids();
        let request = Arc::new((precondition, origin));
        let (unlocked_ids, unlocked_request) = (Arc::clone(&ids), Arc::clone(&request));
        self.change(
            device,
            move |lease, gate| {
                let (precondition, origin) = unlocked_request.as_ref();
                let device = (workspace, device);
                unlocked_change::delete(lease, gate, &unlocked_ids, device, precondition, origin)
            },
            move |connection| {
                let (precondition, origin) = request.as_ref();
                update::delete(connection, &ids, workspace, device, precondition, origin)
            },
        )
        .await
    }

    async fn restore(
        &self,
        device: DeviceId,
        precondition: Precondition,
        origin: Origin,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        let workspace = self.workspace;
        let ids = self.ids();
        self.database
            .transact(move |connection| {
                restore::restore(connection, &ids, workspace, device, &precondition, &origin)
            })
            .await
    }

    async fn change_many(&self, change: Arc<BulkChange>) -> Result<BulkResult, BulkChangeError> {
        let (workspace, ids) = (self.workspace, self.ids());
        self.database
            .transact(move |connection| bulk_change::change(connection, &ids, workspace, &change))
            .await
    }

    async fn preview_change_many(
        &self,
        change: Arc<BulkChange>,
    ) -> Result<BulkPreview, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .run(move |connection| {
                bulk_change::preview(connection, workspace, &change).map_err(classify)
            })
            .await
    }
}
