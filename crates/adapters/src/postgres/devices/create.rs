//! Creation of devices: each batch atomically. Several batches can share a transaction.

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{CreateError, LookupKeys, RepositoryError, StoreResult, WorkspaceId};
use diesel::pg::PgConnection;
use futures_util::{StreamExt, stream};

use super::conflicts::Lookup;
use super::create_transaction::CreateTransaction;
use super::id_blocks::{IdBlocks, ReservedIds};
use super::one_statement;
use super::prepared_batch::PreparedBatch;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, copy_error};
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::group_commit::{GroupError, GroupWork};
use crate::postgres::transaction::run::{Effect, Failure, Outcome, is_retryable, transact_on};

pub(super) type BatchResult = Result<StoreResult, CreateError>;

/// Creates batches of devices.
pub(crate) struct CreateBatches {
    database: Database,
    ids: Arc<IdBlocks>,
    /// Maximum number of bytes of the responses stored for a workspace.
    response_quota: u64,
}

/// Batches with fewer devices go through group commit. In larger ones, the cost of a transaction is
/// small beside that of the devices (ADR 16).
pub(crate) const GROUP_COMMIT_BELOW: usize = 250;

/// Number of batches of a failed group that are retried at the same time. A low number leaves
/// connections to other requests.
const RETRY_CONCURRENCY: usize = 4;

#[async_trait]
impl GroupWork for CreateBatches {
    type Request = PreparedBatch;
    type Response = StoreResult;
    type Error = CreateError;
    type Unfinished = Unfinished;

    /// Devices per transaction: the default of `limits.max_devices_per_batch`.
    const MAX_GROUP_SIZE: usize = 1_000;
    /// One transaction executes its statements while another waits for COMMIT.
    const CONCURRENCY: usize = 2;

    fn size(prepared: &PreparedBatch) -> usize {
        prepared.batch.devices.len()
    }

    fn database(&self, workspace: WorkspaceId) -> Database {
        self.database.for_workspace(workspace)
    }

    /// Returns for each batch the result that it would have if the batches were stored one after
    /// the other, with one exception: of batches with the same idempotency key, all but the first
    /// are in progress.
    fn run(
        &self,
        lease: &mut Lease,
        gate: &CommitGate,
        workspace: WorkspaceId,
        batches: &[PreparedBatch],
    ) -> Result<Vec<BatchResult>, GroupError<Unfinished>> {
        self.database.count_write();
        match self.store(lease, gate, workspace, batches) {
            Ok(Outcome::Committed(results)) => Ok(results),
            Ok(in_doubt) => Err(GroupError::Unfinished(Unfinished::InDoubt(in_doubt))),
            Err(CreateFailure::StatementFailed) => {
                Err(GroupError::Unfinished(Unfinished::StatementFailed))
            }
            Err(CreateFailure::Repository(error)) => Err(GroupError::Failed(error)),
        }
    }

    /// If the group failed, no batch is stored, and each is tried alone: the error or the lock wait
    /// of one batch must not affect another. So is each batch of a group that turns out not to be
    /// stored because of a deadlock.
    async fn finish(
        &self,
        workspace: WorkspaceId,
        batches: Vec<PreparedBatch>,
        unfinished: Unfinished,
    ) -> Vec<BatchResult> {
        let database = self.database(workspace);
        if let Unfinished::InDoubt(in_doubt) = unfinished {
            let is_deadlock = in_doubt.is_deadlock();
            match database.resolve(in_doubt).await {
                Ok(results) => return results,
                Err(RepositoryError::Unavailable(_)) if is_deadlock => {}
                Err(error) => {
                    let errors = batches.iter().map(|_| Err(copy_error(&error).into()));
                    return errors.collect();
                }
            }
        }
        let retries = batches
            .into_iter()
            .map(|batch| self.create_alone(&database, workspace, batch));
        stream::iter(retries)
            .buffered(RETRY_CONCURRENCY)
            .collect()
            .await
    }
}

/// Group that ended without results.
pub(crate) enum Unfinished {
    InDoubt(Outcome<Vec<BatchResult>>),
    /// A statement of several batches failed, perhaps because of one of them.
    StatementFailed,
}

/// Reason why no batch of a transaction was stored.
pub(super) enum CreateFailure {
    /// A statement of several batches failed, perhaps because of one of them.
    StatementFailed,
    /// Any other error, such as a pool timeout or a failed COMMIT. Trying each batch alone would
    /// not help.
    Repository(RepositoryError),
}

impl From<RepositoryError> for CreateFailure {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(error)
    }
}

impl CreateBatches {
    pub(crate) fn new(database: Database, response_quota: u64) -> Self {
        Self {
            database,
            ids: Arc::default(),
            response_quota,
        }
    }

    /// Returns the ids that this server has reserved.
    pub(crate) fn ids(&self) -> Arc<IdBlocks> {
        Arc::clone(&self.ids)
    }

    /// Stores a group with one statement if possible, otherwise in a transaction.
    fn store(
        &self,
        lease: &mut Lease,
        gate: &CommitGate,
        workspace: WorkspaceId,
        batches: &[PreparedBatch],
    ) -> Result<Outcome<Vec<BatchResult>>, CreateFailure> {
        let keys = lookup_keys(batches);
        let mut reserved = None;
        if lease.may_skip_transaction()? && one_statement::is_possible(batches, &keys) {
            let taken = self
                .ids
                .take(lease.connection()?, keys.added_devices, batches.len());
            let taken = taken.map_err(classify)?;
            let stored = one_statement::store(lease, gate, workspace, batches, &keys, &taken)?;
            if let Some(outcome) = stored {
                return Ok(outcome);
            }
            reserved = Some(taken);
        }
        let work = self.transaction(workspace, batches.to_vec(), keys, reserved);
        transact_on(lease, gate, work)
    }

    /// Creates one batch in a transaction of its own.
    pub(crate) async fn create_alone(
        &self,
        database: &Database,
        workspace: WorkspaceId,
        batch: PreparedBatch,
    ) -> BatchResult {
        let batches = vec![batch];
        let keys = lookup_keys(&batches);
        let work = self.transaction(workspace, batches, keys, None);
        match database.transact(work).await {
            Ok(results) => results.into_iter().next().unwrap_or_else(missing_result),
            Err(CreateFailure::Repository(error)) => Err(error.into()),
            Err(CreateFailure::StatementFailed) => missing_result(),
        }
    }

    /// Returns the transaction that creates batches, which is retried after a lost race. A group
    /// gives up after any other error, or after the second lost race, since one of its batches may
    /// be the reason. A race lost without the look-up of unique fields does not count.
    fn transaction(
        &self,
        workspace: WorkspaceId,
        batches: Vec<PreparedBatch>,
        keys: LookupKeys,
        mut reserved: Option<ReservedIds>,
    ) -> impl FnMut(&mut PgConnection) -> Result<(Vec<BatchResult>, Effect), Failure<CreateFailure>>
    + use<> {
        let added_devices = keys.added_devices;
        // Nearly all values of unique fields in a large batch are new, so the first attempt does
        // not look them up. A taken one violates its unique index, and the retry looks up all
        // (ADR 19).
        let mut lookup = if added_devices < GROUP_COMMIT_BELOW {
            Lookup::Complete
        } else {
            Lookup::SkipUniqueFields
        };
        let is_group = batches.len() > 1;
        let ids = Arc::clone(&self.ids);
        let transaction = CreateTransaction {
            workspace,
            batches,
            keys,
            response_quota: self.response_quota,
        };
        let mut has_failed = false;
        move |connection| {
            let current = std::mem::replace(&mut lookup, Lookup::Complete);
            let reserved = match reserved.take() {
                Some(reserved) => Ok(reserved),
                None => ids.take(connection, added_devices, transaction.batches.len()),
            };
            let created =
                reserved.and_then(|reserved| transaction.run(connection, current, &reserved));
            created.map_err(|error| {
                ids.clear_if_taken(&error);
                let may_retry_group = is_retryable(&error) && !has_failed;
                has_failed |= current == Lookup::Complete;
                if is_group && !may_retry_group {
                    Failure::Rejected(CreateFailure::StatementFailed)
                } else {
                    Failure::Diesel(error)
                }
            })
        }
    }
}

/// Returns the keys of all batches.
fn lookup_keys(batches: &[PreparedBatch]) -> LookupKeys {
    let devices = batches.iter().flat_map(|prepared| &prepared.batch.devices);
    LookupKeys::from_devices(devices)
}

/// Returns the error of a batch without a result, which would be a bug.
pub(super) fn missing_result() -> BatchResult {
    Err(RepositoryError::Failed("a batch has no result".into()).into())
}
