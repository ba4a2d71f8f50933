//! Batches with options: each creates and changes devices in one transaction.

mod matches;
mod records;
mod store;

use devices_domain::{
    BatchPlan, IdempotencyError, LookupResult, NewUpsert, OnConflict, StoredMatches, UpsertBatch,
    UpsertError, UpsertOutcome, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;

use super::conflicts::{self, Lookup};
use super::id_blocks::IdBlocks;
use crate::postgres::idempotency_keys;
use crate::postgres::transaction::run::{Effect, Failure};
use matches::RowLocks;

type TransactionResult<T> = Result<T, Failure<UpsertError>>;

/// Transaction that stores a batch with options. The number of its statements does not depend on
/// the number of rows.
pub(super) struct UpsertTransaction<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) ids: &'a IdBlocks,
    /// Maximum number of bytes of the responses stored for a workspace.
    pub(super) response_quota: u64,
}

impl UpsertTransaction<'_> {
    /// Stores the rows that pass.
    pub(super) fn run(
        &self,
        connection: &mut PgConnection,
        upsert: &NewUpsert,
    ) -> TransactionResult<(UpsertOutcome, Effect)> {
        if let Some(outcome) = self.find_response(connection, upsert)? {
            return Ok((outcome, Effect::None));
        }
        let batch = &upsert.batch;
        let locks = match batch.options().on_conflict {
            OnConflict::Update => RowLocks::Update,
            OnConflict::Skip | OnConflict::Error => RowLocks::None,
        };
        let (matches, found) = read(connection, self.workspace, batch, locks)?;
        let plan = batch.plan(&matches, &found).map_err(rejected)?;
        let stored = store::store(connection, self, upsert, plan);
        Ok(stored.inspect_err(|error| self.ids.clear_if_taken(error))?)
    }

    /// Returns the stored response of an earlier request with the same idempotency key.
    fn find_response(
        &self,
        connection: &mut PgConnection,
        upsert: &NewUpsert,
    ) -> TransactionResult<Option<UpsertOutcome>> {
        let Some((request, _)) = &upsert.idempotency else {
            return Ok(None);
        };
        let fail = |error: IdempotencyError| Failure::Rejected(error.into());
        let locks = idempotency_keys::try_lock(connection, self.workspace, &[request])?;
        if !locks.is_locked.contains(&true) {
            return Err(fail(IdempotencyError::InProgress));
        }
        let found = idempotency_keys::find(connection, self.workspace, &[request])?;
        match found.into_values().next() {
            Some(stored) => {
                let response = request.replay(stored).map_err(fail)?;
                Ok(Some(UpsertOutcome::Response(response)))
            }
            None if locks.stored_bytes >= self.response_quota => {
                Err(fail(IdempotencyError::QuotaExceeded))
            }
            None => Ok(None),
        }
    }
}

/// Returns what [`UpsertTransaction::run`] would do with each row. Locks no device, but the users
/// that rows refer to until the transaction is rolled back.
pub(super) fn plan(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &UpsertBatch,
) -> TransactionResult<BatchPlan> {
    let (matches, found) = read(connection, workspace, batch, RowLocks::None)?;
    let plan = batch.plan(&matches, &found).map_err(rejected)?;
    Ok(plan.into_batch_plan())
}

/// Reads what the plan of a batch depends on: the devices that rows match, and conflicts.
fn read(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &UpsertBatch,
    locks: RowLocks,
) -> TransactionResult<(StoredMatches, LookupResult)> {
    let matches = matches::find(connection, workspace, batch, locks)?;
    let keys = batch.lookup_keys(&matches);
    let found = if keys.is_empty() {
        LookupResult::default()
    } else {
        conflicts::find(connection, workspace, &keys, Lookup::Complete)?
    };
    // Another transaction may have stored a device since the first look-up that a row matches and
    // whose value is now taken. The retry changes this device.
    let is_taken = found
        .conflicts
        .taken
        .iter()
        .any(|(_, taken)| !taken.is_empty());
    if is_taken && matches::are_outdated(connection, workspace, batch, &matches)? {
        return Err(DieselError::RollbackTransaction.into());
    }
    Ok((matches, found))
}

fn rejected(report: devices_domain::ErrorReport) -> Failure<UpsertError> {
    Failure::Rejected(UpsertError::Rejected(Box::new(report)))
}
