//! The transaction that creates batches of devices.

use std::collections::{HashMap, HashSet};

use devices_domain::{
    CreateError, IdempotencyError, IdempotentRequest, IdempotentResponse, LookupKeys, StoreResult,
    WorkspaceId,
};
use diesel::QueryResult;
use diesel::pg::PgConnection;

use super::accepted_batch::{AcceptedBatch, partition_by_conflict, serial_numbers};
use super::conflicts::{self, Lookup};
use super::create::{BatchResult, missing_result};
use super::device_limit;
use super::id_blocks::ReservedIds;
use super::insert::{self, BatchKind, BatchRecords};
use super::prepared_batch::PreparedBatch;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::Effect;
use crate::postgres::{enrollments, idempotency_keys};

/// Batches to create in one transaction.
pub(super) struct CreateTransaction {
    pub(super) workspace: WorkspaceId,
    pub(super) batches: Vec<PreparedBatch>,
    /// Keys of all batches.
    pub(super) keys: LookupKeys,
    /// Maximum number of bytes of the responses stored for a workspace.
    pub(super) response_quota: u64,
}

impl CreateTransaction {
    /// Creates the devices of all batches without conflicts.
    ///
    /// A large batch takes five statements, whatever the number of devices: BEGIN, the reservation
    /// of ids, COPY, the events, and COMMIT. Assignees need one more, idempotency keys four, a
    /// device limit three, enrolments one, and a rejection needs a complete look-up.
    pub(super) fn run(
        &self,
        connection: &mut PgConnection,
        lookup: Lookup,
        reserved: &ReservedIds,
    ) -> QueryResult<(Vec<BatchResult>, Effect)> {
        let (workspace, batches, keys) = (self.workspace, &self.batches, &self.keys);
        let mut results = self.resolve_idempotency_keys(connection)?;
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
            let may_be_incomplete =
                lookup == Lookup::SkipUniqueFields || found.device_limit.is_some();
            if !rejected.is_empty() && may_be_incomplete {
                found = conflicts::find(connection, workspace, keys, Lookup::Complete)?;
                (accepted, rejected) =
                    partition_by_conflict(batches, &pending, &mut found, reserved);
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

    /// Returns one entry per batch: the stored response or the error of its idempotency key, or
    /// `None` if the batch is yet to be created. A new key is rejected if the stored responses fill
    /// their quota.
    fn resolve_idempotency_keys(
        &self,
        connection: &mut PgConnection,
    ) -> QueryResult<Vec<Option<BatchResult>>> {
        let mut results: Vec<Option<BatchResult>> = self.batches.iter().map(|_| None).collect();
        let (indexes, requests): (Vec<usize>, Vec<&IdempotentRequest>) = self
            .batches
            .iter()
            .enumerate()
            .filter_map(|(index, prepared)| Some((index, &prepared.batch.idempotency.as_ref()?.0)))
            .unzip();
        if requests.is_empty() {
            return Ok(results);
        }
        let locks = idempotency_keys::try_lock(connection, self.workspace, &requests)?;
        let mut responses = idempotency_keys::find(connection, self.workspace, &requests)?;
        // Advisory locks are re-entrant within a session, so duplicates in this group need a check
        // of their own.
        let mut seen = HashSet::new();
        for (position, request) in requests.into_iter().enumerate() {
            let is_first = seen.insert((request.operation, request.key.as_str()));
            let result = match responses.remove(&position) {
                _ if !locks.is_locked[position] => Err(IdempotencyError::InProgress),
                None if !is_first => Err(IdempotencyError::InProgress),
                None if locks.stored_bytes >= self.response_quota => {
                    Err(IdempotencyError::QuotaExceeded)
                }
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
}

/// Inserts the devices, their audit events and the responses to store under idempotency keys. Sets
/// the results of the batches, with the enrolments of their devices.
fn store(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
    results: &mut [Option<BatchResult>],
) -> QueryResult<CommitMarker> {
    let devices = accepted.iter().flat_map(AcceptedBatch::devices);
    insert::devices(connection, workspace, devices)?;
    let records = BatchRecords::new(workspace, accepted.iter().map(AcceptedBatch::record));
    let settings = insert::events(connection, &records, BatchKind::Plain)?;
    let enrollments = if settings.has_enrollments {
        enrollments::newest(connection, workspace, serial_numbers(accepted))?
    } else {
        HashMap::new()
    };
    for accepted in accepted {
        let inserted = accepted.inserted_devices(&enrollments);
        results[accepted.index] = Some(Ok(match &accepted.batch.idempotency {
            None => StoreResult::Devices {
                batch: accepted.id(),
                inserted,
            },
            Some((_, render)) => StoreResult::Response(IdempotentResponse {
                body: render(&accepted.batch.devices, &inserted),
                batch: Some(accepted.id()),
                replayed: false,
            }),
        }));
    }
    store_responses(connection, workspace, accepted, results)?;
    device_limit::enforce(connection, workspace, settings.device_limit)?;
    Ok(accepted[0].commit_marker(workspace, None))
}

/// Stores the responses of the batches with idempotency keys.
fn store_responses(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
    results: &[Option<BatchResult>],
) -> QueryResult<()> {
    let responses: Vec<(&IdempotentRequest, &IdempotentResponse)> = accepted
        .iter()
        .filter_map(|accepted| {
            let (request, _) = accepted.batch.idempotency.as_ref()?;
            match &results[accepted.index] {
                Some(Ok(StoreResult::Response(response))) => Some((request, response)),
                _ => None,
            }
        })
        .collect();
    if !responses.is_empty() {
        idempotency_keys::insert(connection, workspace, &responses)?;
    }
    Ok(())
}
