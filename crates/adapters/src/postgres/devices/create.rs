//! Creation of devices: each batch atomically. Several batches can share a transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    CreateError, DeviceId, Enrollment, IdempotencyError, IdempotentRequest, IdempotentResponse,
    InsertedDevice, LookupKeys, NewDevice, RepositoryError, StoreResult, UniqueField, WorkspaceId,
};
use diesel::QueryResult;
use diesel::pg::PgConnection;
use futures_util::{StreamExt, stream};

use super::accepted_batch::{AcceptedBatch, partition_by_conflict};
use super::conflicts::{self, Lookup};
use super::device_limit;
use super::id_blocks::{IdBlocks, ReservedIds};
use super::insert;
use super::one_statement;
use super::prepared_batch::PreparedBatch;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::{classify, copy_error};
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::group_commit::{GroupError, GroupWork};
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::{
    Effect, Failure, Outcome, is_id_taken, is_retryable, transact_on,
};
use crate::postgres::{enrollments, idempotency_keys};

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
    /// of one batch must not affect another.
    async fn finish(
        &self,
        workspace: WorkspaceId,
        batches: Vec<PreparedBatch>,
        unfinished: Unfinished,
    ) -> Vec<BatchResult> {
        match unfinished {
            Unfinished::InDoubt(in_doubt) => {
                let resolved = self.database(workspace).resolve(in_doubt).await;
                resolved.unwrap_or_else(|error: RepositoryError| {
                    let errors = batches.iter().map(|_| Err(copy_error(&error).into()));
                    errors.collect()
                })
            }
            Unfinished::StatementFailed => {
                let database = self.database(workspace);
                let retries = batches
                    .into_iter()
                    .map(|batch| self.create_alone(&database, workspace, batch));
                stream::iter(retries)
                    .buffered(RETRY_CONCURRENCY)
                    .collect()
                    .await
            }
        }
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
    pub(super) fn ids(&self) -> Arc<IdBlocks> {
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
        let has_own_session = {
            lease.connection()?;
            lease.session().is_some()
        };
        if has_own_session && one_statement::is_possible(batches, &keys) {
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
        transact_on(lease.connection()?, gate, work)
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
        // Nearly all values of unique fields in a large batch are new, so the first attempt does
        // not look them up. A taken one violates its unique index, and the retry looks up all
        // (ADR 19).
        let mut lookup = if keys.added_devices < GROUP_COMMIT_BELOW {
            Lookup::Complete
        } else {
            Lookup::SkipUniqueFields
        };
        let is_group = batches.len() > 1;
        let ids = Arc::clone(&self.ids);
        let response_quota = self.response_quota;
        let mut has_failed = false;
        move |connection| {
            let current = std::mem::replace(&mut lookup, Lookup::Complete);
            let reserved = match reserved.take() {
                Some(reserved) => Ok(reserved),
                None => ids.take(connection, keys.added_devices, batches.len()),
            };
            let created = reserved.and_then(|reserved| {
                create(
                    connection,
                    workspace,
                    &batches,
                    &keys,
                    current,
                    &reserved,
                    response_quota,
                )
            });
            created.map_err(|error| {
                if is_id_taken(&error) {
                    ids.clear();
                }
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

fn lookup_keys(batches: &[PreparedBatch]) -> LookupKeys {
    let devices = batches.iter().flat_map(|prepared| &prepared.batch.devices);
    LookupKeys::from_devices(devices)
}

/// Returns the error of a batch without a result, which would be a bug.
fn missing_result() -> BatchResult {
    Err(RepositoryError::Failed("a batch has no result".into()).into())
}

/// Creates the devices of all batches without conflicts.
///
/// A large batch takes five statements, BEGIN and COMMIT included, whatever the number of devices.
/// Assignees need one more, idempotency keys four, a device limit three, enrolments one, and a
/// rejection needs a complete look-up.
fn create(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batches: &[PreparedBatch],
    keys: &LookupKeys,
    lookup: Lookup,
    reserved: &ReservedIds,
    response_quota: u64,
) -> QueryResult<(Vec<BatchResult>, Effect)> {
    let mut results = resolve_idempotency_keys(connection, workspace, batches, response_quota)?;
    let pending: Vec<usize> = (0..batches.len())
        .filter(|index| results[*index].is_none())
        .collect();
    let mut effect = Effect::None;
    if !pending.is_empty() {
        let mut found = conflicts::find(connection, workspace, keys, lookup)?;
        let (mut accepted, mut rejected) =
            partition_by_conflict(batches, &pending, &mut found, reserved);
        // A rejection reports all conflicts: also values that were not looked up, and, with a
        // device limit, those of the devices that took the last places after the look-up.
        let may_be_incomplete = lookup == Lookup::SkipUniqueFields || found.device_limit.is_some();
        if !rejected.is_empty() && may_be_incomplete {
            found = conflicts::find(connection, workspace, keys, Lookup::Complete)?;
            (accepted, rejected) = partition_by_conflict(batches, &pending, &mut found, reserved);
        }
        for (index, conflicts) in rejected {
            results[index] = Some(Err(CreateError::Conflicts(Box::new(conflicts))));
        }
        if !accepted.is_empty() {
            let marker = store(connection, workspace, &accepted, &mut results)?;
            effect = Effect::Marked(marker);
        }
    }
    let results = results
        .into_iter()
        .map(|result| result.unwrap_or_else(missing_result));
    Ok((results.collect(), effect))
}

/// Returns one entry per batch: the stored response or the error of its idempotency key, or `None`
/// if the batch is yet to be created. A new key is rejected if the stored responses fill their
/// quota.
fn resolve_idempotency_keys(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batches: &[PreparedBatch],
    response_quota: u64,
) -> QueryResult<Vec<Option<BatchResult>>> {
    let mut results: Vec<Option<BatchResult>> = batches.iter().map(|_| None).collect();
    let (indexes, requests): (Vec<usize>, Vec<&IdempotentRequest>) = batches
        .iter()
        .enumerate()
        .filter_map(|(index, prepared)| Some((index, &prepared.batch.idempotency.as_ref()?.0)))
        .unzip();
    if requests.is_empty() {
        return Ok(results);
    }
    let locks = idempotency_keys::try_lock(connection, workspace, &requests)?;
    let mut responses = idempotency_keys::find(connection, workspace, &requests)?;
    // Advisory locks are re-entrant within a session, so duplicates in this group need a check of
    // their own.
    let mut seen = HashSet::new();
    for (position, request) in requests.into_iter().enumerate() {
        let is_first = seen.insert((request.operation, request.key.as_str()));
        let result = match responses.remove(&position) {
            _ if !locks.is_locked[position] => Err(IdempotencyError::InProgress),
            None if !is_first => Err(IdempotencyError::InProgress),
            None if locks.stored_bytes >= response_quota => Err(IdempotencyError::QuotaExceeded),
            None => continue,
            Some(response) => request.replay(response),
        };
        results[indexes[position]] = Some(match result {
            Ok(response) => Ok(StoreResult::Response(response)),
            Err(error) => Err(error.into()),
        });
    }
    Ok(results)
}

pub(super) fn folded_serial_number(device: &NewDevice) -> Option<&str> {
    UniqueField::SerialNumber.folded(&device.fields)
}

/// Inserts the devices, their audit events and the responses to store under idempotency keys. Sets
/// the results of the batches, with the enrolments of their devices.
fn store(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
    results: &mut [Option<BatchResult>],
) -> QueryResult<CommitMarker> {
    insert::devices(connection, workspace, accepted)?;
    let settings = insert::events(connection, workspace, accepted)?;
    let enrollments = if settings.has_enrollments {
        let devices = accepted.iter().flat_map(|accepted| &accepted.batch.devices);
        let serial_numbers = devices.filter_map(folded_serial_number);
        enrollments::newest(connection, workspace, serial_numbers)?
    } else {
        HashMap::new()
    };
    for accepted in accepted {
        let inserted = inserted_devices(accepted, &enrollments);
        results[accepted.index] = Some(Ok(match &accepted.batch.idempotency {
            None => StoreResult::Devices(inserted),
            Some((_, render)) => StoreResult::Response(IdempotentResponse {
                body: render(&accepted.batch.devices, &inserted),
                replayed: false,
            }),
        }));
    }
    store_responses(connection, workspace, accepted, results)?;
    device_limit::enforce(connection, workspace, settings.device_limit)?;
    Ok(accepted[0].commit_marker(workspace, None))
}

/// Returns the devices of a batch that was stored, with their enrolments by serial number.
pub(super) fn inserted_devices(
    accepted: &AcceptedBatch<'_>,
    enrollments: &HashMap<String, Enrollment>,
) -> Vec<InsertedDevice> {
    let AcceptedBatch {
        batch,
        ids,
        assignees,
        ..
    } = accepted;
    let devices = ids.iter().zip(assignees).zip(&batch.devices);
    devices
        .map(|((id, assignee), device)| InsertedDevice {
            id: DeviceId(*id),
            assignee: *assignee,
            enrollment: folded_serial_number(device)
                .and_then(|serial_number| enrollments.get(serial_number).cloned()),
        })
        .collect()
}

/// Stores the responses of the batches with idempotency keys.
fn store_responses(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
    results: &[Option<BatchResult>],
) -> QueryResult<()> {
    let responses: Vec<(&IdempotentRequest, &[u8])> = accepted
        .iter()
        .filter_map(|accepted| {
            let (request, _) = accepted.batch.idempotency.as_ref()?;
            match &results[accepted.index] {
                Some(Ok(StoreResult::Response(response))) => {
                    Some((request, response.body.as_slice()))
                }
                _ => None,
            }
        })
        .collect();
    if !responses.is_empty() {
        idempotency_keys::insert(connection, workspace, &responses)?;
    }
    Ok(())
}
