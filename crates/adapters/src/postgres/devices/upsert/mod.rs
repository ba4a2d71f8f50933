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
use super::create::GROUP_COMMIT_BELOW;
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
    pub(super) lookup: Lookup,
}

/// Returns the look-up of the first attempt to store a batch. Nearly all values of unique fields in
/// a large batch of new devices are new, so it does not look them up. A taken one violates its
/// unique index, and the retry looks up all (ADR 19).
pub(super) fn first_lookup(batch: &UpsertBatch) -> Lookup {
    if batch.options().matches_rows() || batch.len() < GROUP_COMMIT_BELOW {
        Lookup::Complete
    } else {
        Lookup::SkipUniqueFields
    }
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
        let reader = PlanReader {
            workspace: self.workspace,
            user_quota: self.quotas.users,
            locks,
            lookup: self.lookup,
        };
        let (matches, found) = reader.read(connection, batch)?;
        let complete;
        let plan = match batch.plan(&matches, &found) {
            Ok(plan) if self.lookup == Lookup::Complete || !plan.has_failed_rows() => plan,
            Err(report) if self.lookup == Lookup::Complete => return Err(rejected(report)),
            // A failed row reports all its conflicts.
            Ok(_) | Err(_) => {
                complete = reader.with(Lookup::Complete).read(connection, batch)?;
                batch.plan(&complete.0, &complete.1).map_err(rejected)?
            }
        };
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
    let reader = PlanReader {
        workspace,
        user_quota,
        locks: RowLocks::None,
        lookup: Lookup::Complete,
    };
    let (matches, found) = reader.read(connection, batch)?;
    let plan = batch.plan(&matches, &found).map_err(rejected)?;
    Ok(plan.into_batch_plan())
}

/// Reads the matches, conflicts and limits for the plan of a batch.
#[derive(Clone, Copy)]
struct PlanReader {
    workspace: WorkspaceId,
    /// Maximum number of active users.
    user_quota: u64,
    locks: RowLocks,
    lookup: Lookup,
}

impl PlanReader {
    fn with(self, lookup: Lookup) -> Self {
        Self { lookup, ..self }
    }

    /// Reads the devices that rows match, conflicts, and limits.
    fn read(
        self,
        connection: &mut PgConnection,
        batch: &UpsertBatch,
    ) -> TransactionResult<(StoredMatches, LookupResult)> {
        let workspace = self.workspace;
        let matches = matches::find(connection, workspace, batch, self.locks)?;
        let keys = batch.lookup_keys(&matches);
        let mut found = if keys.is_empty() {
            LookupResult::default()
        } else {
            conflicts::find(connection, workspace, &keys, self.lookup)?
        };
        // Another transaction may have stored a device since the first look-up that a row matches
        // and whose value is now taken. The retry changes this device.
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
                max: self.user_quota,
                held: usage_counts::total(connection, workspace, Resource::Users)?,
            });
        }
        Ok((matches, found))
    }
}

fn rejected(report: devices_domain::ErrorReport) -> Failure<UpsertError> {
    Failure::Rejected(UpsertError::Rejected(Box::new(report)))
}
