//! Batches with options: each creates and changes devices in one transaction.

mod matches;
mod records;
mod results;
mod store;

use devices_domain::{
    BatchPlan, IdempotencyError, LookupResult, NewUpsert, OnConflict, Quotas, StoredMatches,
    UnknownUsers, UpsertBatch, UpsertError, UpsertOutcome, UserQuota, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;

use super::conflicts::{self, Lookup};
use super::id_blocks::IdBlocks;
use crate::postgres::idempotency_keys;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::{self, Resource};
use matches::RowLocks;

type TransactionResult<T> = Result<T, Failure<UpsertError>>;

/// Transaction that stores a batch with options. The number of its statements does not depend on
/// the number of rows.
pub(super) struct UpsertTransaction<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) ids: &'a IdBlocks,
    pub(super) quotas: Quotas,
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
        let (matches, found) = read(connection, self.workspace, batch, self.quotas.users, locks)?;
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
            None if locks.stored_bytes >= self.quotas.response_bytes => {
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
    user_quota: u64,
) -> TransactionResult<BatchPlan> {
    let (matches, found) = read(connection, workspace, batch, user_quota, RowLocks::None)?;
    let plan = batch.plan(&matches, &found).map_err(rejected)?;
    Ok(plan.into_batch_plan())
}

/// Reads what the plan of a batch depends on: the devices that rows match, conflicts, and limits.
fn read(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: &UpsertBatch,
    user_quota: u64,
    locks: RowLocks,
) -> TransactionResult<(StoredMatches, LookupResult)> {
    let matches = matches::find(connection, workspace, batch, locks)?;
    let keys = batch.lookup_keys(&matches);
    let mut found = if keys.is_empty() {
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
    let may_create_users = batch.options().unknown_users == UnknownUsers::Create
        && !found.conflicts.unknown_emails.is_empty();
    if may_create_users {
        found.user_quota = Some(UserQuota {
            quota: user_quota,
            held: usage_counts::total(connection, workspace, Resource::Users)?,
        });
    }
    Ok((matches, found))
}

fn rejected(report: devices_domain::ErrorReport) -> Failure<UpsertError> {
    Failure::Rejected(UpsertError::Rejected(Box::new(report)))
}
