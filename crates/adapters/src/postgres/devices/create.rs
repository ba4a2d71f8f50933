//! Creation of devices: each batch whole or not at all, several batches per transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    Conflicts, CreateError, DeviceId, IdempotencyError, IdempotentRequest, IdempotentResponse,
    InsertedDevice, LookupKeys, NewBatch, NewDevice, RepositoryError, SerialNumber, StoreResult,
    UserId, WorkspaceId,
};
use diesel::QueryResult;
use diesel::pg::PgConnection;
use futures_util::{StreamExt, stream};

use super::conflicts::{self, Lookup, LookupResult};
use super::insert;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::copy_error;
use crate::postgres::transaction::group_commit::GroupWork;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::{Effect, Failure, is_retryable};
use crate::postgres::{enrollments, idempotency_keys};

type BatchResult = Result<StoreResult, CreateError>;

/// Creates batches of devices.
pub(crate) struct CreateBatches {
    database: Database,
}

/// Batches with fewer devices share transactions. Larger batches gain nothing from it (ADR 16).
pub(crate) const GROUP_COMMIT_BELOW: usize = 250;

/// Number of batches of a failed group that are retried at the same time. A low number leaves
/// connections to other requests.
const RETRY_CONCURRENCY: usize = 4;

#[async_trait]
impl GroupWork for CreateBatches {
    type Request = Arc<NewBatch>;
    type Response = BatchResult;

    /// Devices per transaction: as many as one batch may have by default.
    const MAX_GROUP_SIZE: usize = 1_000;
    /// One transaction is prepared while another commits.
    const CONCURRENCY: usize = 2;

    fn size(batch: &Arc<NewBatch>) -> usize {
        batch.devices.len()
    }

    /// Returns for each batch the result that it would have if the batches were stored one after
    /// the other. The second of two batches with the same idempotency key is in progress.
    ///
    /// If a statement fails, no batch is stored, and each is tried alone: the failure or the wait
    /// of one batch must not affect another.
    async fn run(&self, workspace: WorkspaceId, batches: Vec<Arc<NewBatch>>) -> Vec<BatchResult> {
        match self.try_create(workspace, batches.clone()).await {
            Ok(results) => results,
            Err(GroupError::StatementFailed) => {
                let retries = batches
                    .into_iter()
                    .map(|batch| self.create_alone(workspace, batch));
                stream::iter(retries)
                    .buffered(RETRY_CONCURRENCY)
                    .collect()
                    .await
            }
            Err(GroupError::Repository(error)) => batches
                .iter()
                .map(|_| Err(copy_error(&error).into()))
                .collect(),
        }
    }
}

/// Error of a group of batches. No batch was stored.
enum GroupError {
    /// A statement failed, for the sake of one of several batches.
    StatementFailed,
    /// The repository failed.
    Repository(RepositoryError),
}

impl From<RepositoryError> for GroupError {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(error)
    }
}

impl CreateBatches {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Creates one batch in a transaction of its own.
    pub(crate) async fn create_alone(
        &self,
        workspace: WorkspaceId,
        batch: Arc<NewBatch>,
    ) -> BatchResult {
        match self.try_create(workspace, vec![batch]).await {
            Ok(results) => results.into_iter().next().unwrap_or_else(missing_result),
            Err(GroupError::Repository(error)) => Err(error.into()),
            Err(GroupError::StatementFailed) => missing_result(),
        }
    }

    async fn try_create(
        &self,
        workspace: WorkspaceId,
        batches: Vec<Arc<NewBatch>>,
    ) -> Result<Vec<BatchResult>, GroupError> {
        let devices = batches.iter().flat_map(|batch| &batch.devices);
        let keys = LookupKeys::from_devices(devices);
        // Nearly all serial numbers of a large batch are new. The first taken one ends the attempt,
        // and the next attempt looks them all up, as after any lost race (ADR 19).
        let mut lookup = if keys.added_devices < GROUP_COMMIT_BELOW {
            Lookup::BeforeInsert
        } else {
            Lookup::SkipSerials
        };
        let is_group = batches.len() > 1;
        let mut has_lost_race = false;
        self.database
            .transact(move |connection| {
                let attempt = std::mem::replace(&mut lookup, Lookup::BeforeInsert);
                create(connection, workspace, &batches, &keys, attempt).map_err(|error| {
                    let may_retry_group = is_retryable(&error) && !has_lost_race;
                    has_lost_race |= attempt == Lookup::BeforeInsert;
                    if is_group && !may_retry_group {
                        Failure::Rejected(GroupError::StatementFailed)
                    } else {
                        Failure::Diesel(error)
                    }
                })
            })
            .await
    }
}

/// Every batch is either stored or rejected, so this is a bug.
fn missing_result() -> BatchResult {
    Err(RepositoryError::Failed("a batch has no result".into()).into())
}

/// A batch without conflicts, with the values that inserting it needs.
pub(crate) struct AcceptedBatch<'a> {
    /// Position among the batches of the transaction.
    index: usize,
    pub(crate) batch: &'a NewBatch,
    /// Id of each device.
    pub(crate) ids: Vec<i64>,
    /// Assignee of each device.
    pub(crate) assignees: Vec<Option<UserId>>,
}

/// Creates the devices of all batches without conflicts.
///
/// Sends five statements, BEGIN and COMMIT included, whatever the number of devices. Idempotency
/// keys need three more, a device limit one, and device management one.
fn create(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batches: &[Arc<NewBatch>],
    keys: &LookupKeys,
    lookup: Lookup,
) -> QueryResult<(Vec<BatchResult>, Effect)> {
    let mut results = resolve_idempotency_keys(connection, workspace, batches)?;
    let pending: Vec<usize> = (0..batches.len())
        .filter(|index| results[*index].is_none())
        .collect();
    let mut effect = Effect::None;
    if !pending.is_empty() {
        let mut found = conflicts::find(connection, workspace, keys, lookup)?;
        let (mut accepted, mut rejected) = partition_by_conflict(batches, &pending, &mut found);
        // A rejection reports all conflicts: also those that were not looked up, and those that
        // arose while this transaction waited for the lock on its workspace.
        let is_incomplete = lookup == Lookup::SkipSerials || found.device_limit.is_some();
        if !rejected.is_empty() && is_incomplete {
            found = conflicts::find(connection, workspace, keys, Lookup::BeforeInsert)?;
            (accepted, rejected) = partition_by_conflict(batches, &pending, &mut found);
        }
        for (index, conflicts) in rejected {
            results[index] = Some(Err(CreateError::Conflicts(Box::new(conflicts))));
        }
        if !accepted.is_empty() {
            let marker = store(connection, workspace, &accepted, &found, &mut results)?;
            effect = Effect::Marked(marker);
        }
    }
    let results = results
        .into_iter()
        .map(|result| result.unwrap_or_else(missing_result));
    Ok((results.collect(), effect))
}

/// Returns the results of those batches whose idempotency key has a response already, or is in use.
fn resolve_idempotency_keys(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batches: &[Arc<NewBatch>],
) -> QueryResult<Vec<Option<BatchResult>>> {
    let mut results: Vec<Option<BatchResult>> = batches.iter().map(|_| None).collect();
    let (indexes, requests): (Vec<usize>, Vec<&IdempotentRequest>) = batches
        .iter()
        .enumerate()
        .filter_map(|(index, batch)| Some((index, &batch.idempotency.as_ref()?.0)))
        .unzip();
    if requests.is_empty() {
        return Ok(results);
    }
    let locked = idempotency_keys::try_lock(connection, workspace, &requests)?;
    let mut responses = idempotency_keys::find(connection, workspace, &requests)?;
    // An advisory lock does not exclude a second request in the same transaction.
    let mut seen = HashSet::new();
    for (position, request) in requests.into_iter().enumerate() {
        let is_first = seen.insert((request.operation, request.key.as_str()));
        let result = match responses.remove(&position) {
            _ if !locked[position] => Err(IdempotencyError::InProgress),
            None if !is_first => Err(IdempotencyError::InProgress),
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

/// Splits pending batches into those that conflict with neither stored data nor an earlier batch,
/// and the rest with their conflicts.
fn partition_by_conflict<'a>(
    batches: &'a [Arc<NewBatch>],
    pending: &[usize],
    found: &mut LookupResult,
) -> (Vec<AcceptedBatch<'a>>, Vec<(usize, Conflicts)>) {
    let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
    let mut ids = std::mem::take(&mut found.ids).into_iter();
    // Serial numbers of the accepted batches.
    let mut new_serials: HashMap<&str, DeviceId> = HashMap::new();
    for &index in pending {
        let batch = &batches[index];
        let conflicts = batch_conflicts(batch, found, &new_serials);
        if !conflicts.is_empty() {
            rejected.push((index, conflicts));
            continue;
        }
        let ids: Vec<i64> = ids.by_ref().take(batch.devices.len()).collect();
        if pending.len() > 1 {
            let serials = batch.devices.iter().zip(&ids);
            new_serials.extend(
                serials.filter_map(|(device, id)| Some((folded_serial(device)?, DeviceId(*id)))),
            );
        }
        if let Some(limit) = &mut found.device_limit {
            limit.held += ids.len() as u64;
        }
        let assignees = batch.devices.iter().map(|device| assignee(device, found));
        accepted.push(AcceptedBatch {
            index,
            batch: batch.as_ref(),
            ids,
            assignees: assignees.collect(),
        });
    }
    (accepted, rejected)
}

/// Returns the conflicts of one batch with stored data and with the batches accepted before it.
fn batch_conflicts(
    batch: &NewBatch,
    found: &LookupResult,
    new_serials: &HashMap<&str, DeviceId>,
) -> Conflicts {
    let mut conflicts = if found.conflicts.is_empty() {
        Conflicts::default()
    } else {
        found
            .conflicts
            .for_lookup_keys(&LookupKeys::from_devices(&batch.devices))
    };
    conflicts.device_limit = found.device_limit_reached(batch.devices.len());
    if !new_serials.is_empty() {
        let taken = batch
            .devices
            .iter()
            .filter_map(folded_serial)
            .filter_map(|serial| new_serials.get_key_value(serial));
        conflicts
            .taken_serial_numbers
            .extend(taken.map(|(serial, device)| ((*serial).to_owned(), *device)));
    }
    conflicts
}

fn assignee(device: &NewDevice, found: &LookupResult) -> Option<UserId> {
    let email = device.assignment.user_email.as_ref();
    let user = email.and_then(|email| found.users_by_email.get(email.as_str()));
    user.copied().or(device.fields.ownership.user_id)
}

pub(crate) fn folded_serial(device: &NewDevice) -> Option<&str> {
    let serial = device.fields.identity.serial_number.as_ref();
    serial.map(SerialNumber::folded)
}

/// Inserts the devices with their audit events and idempotent responses, and sets the results of
/// their batches.
fn store(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
    found: &LookupResult,
    results: &mut [Option<BatchResult>],
) -> QueryResult<CommitMarker> {
    insert::devices(connection, workspace, accepted)?;
    let marker = insert::events(connection, workspace, accepted)?;
    let enrollments = if found.has_enrollments {
        let devices = accepted.iter().flat_map(|accepted| &accepted.batch.devices);
        enrollments::newest(connection, workspace, devices.filter_map(folded_serial))?
    } else {
        HashMap::new()
    };
    for AcceptedBatch {
        index,
        batch,
        ids,
        assignees,
    } in accepted
    {
        let devices = ids.iter().zip(assignees).zip(&batch.devices);
        let inserted: Vec<InsertedDevice> = devices
            .map(|((id, assignee), device)| InsertedDevice {
                id: DeviceId(*id),
                assignee: *assignee,
                enrollment: folded_serial(device)
                    .and_then(|serial| enrollments.get(serial).cloned()),
            })
            .collect();
        results[*index] = Some(Ok(match &batch.idempotency {
            None => StoreResult::Devices(inserted),
            Some((_, render)) => StoreResult::Response(IdempotentResponse {
                body: render(&batch.devices, &inserted),
                replayed: false,
            }),
        }));
    }
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
    Ok(marker)
}
