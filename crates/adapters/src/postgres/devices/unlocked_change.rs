//! Changes of single devices without a transaction: two statements instead of four, and no lock
//! while the server decides.
//!
//! The first statement reads the device. The second one changes it if it still has the revision
//! that was read, and commits by itself. Otherwise, nothing is written, and the change takes a
//! transaction.

use devices_domain::{
    ChangeDeviceError, Conflicts, DeviceChange, DeviceId, DeviceRepository, Origin, Precondition,
    StoredDevice, WorkspaceId,
};
use diesel::pg::PgConnection;

use super::PostgresDevices;
use super::change_statement::Change;
use super::id_blocks::IdBlocks;
use super::select;
use super::stored_state::StoredState;
use super::update::{ChangeResult, NewState, archived, check_patchable, patched};
use crate::postgres::connection::error::{classify, is_rejected};
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::run::{Outcome, is_retryable, transact_on};

/// Outcome of a change without a transaction. `None` if nothing was written and the change needs a
/// transaction. The inner `Option` is `None` if the connection was lost before it returned the
/// changed device.
pub(super) type UnlockedResult = Result<Option<Outcome<Option<StoredDevice>>>, ChangeDeviceError>;

impl PostgresDevices {
    /// Changes a device without a transaction if possible, otherwise in one.
    pub(super) async fn change(
        &self,
        device: DeviceId,
        without_transaction: impl FnOnce(&mut Lease, &CommitGate) -> UnlockedResult + Send + 'static,
        mut in_transaction: impl FnMut(&mut PgConnection) -> ChangeResult + Send + 'static,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        self.database.count_write();
        let changed = self.database.run_leased(move |lease, gate| {
            if lease.may_skip_transaction()?
                && let Some(outcome) = without_transaction(lease, gate)?
            {
                return Ok(outcome);
            }
            transact_on(lease, gate, |connection| {
                let (device, effect) = in_transaction(connection)?;
                Ok((Some(device), effect))
            })
        });
        let outcome = changed.await?;
        let resolved: Result<_, ChangeDeviceError> = self.database.resolve(outcome).await;
        if let Some(device) = resolved? {
            return Ok(device);
        }
        let found = self.find(device).await?;
        found.ok_or(ChangeDeviceError::NotFound)
    }
}

/// Decision about a device, made from the state that was read.
enum Decision {
    /// Store this state.
    Change(Box<NewState>),
    /// Change nothing.
    Keep,
    /// Use a transaction: the change depends on other rows, which must be locked or looked up.
    UseTransaction,
}

/// Applies a patch to a device.
pub(super) fn update(
    lease: &mut Lease,
    gate: &CommitGate,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    patch: &DeviceChange,
) -> UnlockedResult {
    let decide = |stored: &StoredState| {
        check_patchable(stored, patch)?;
        if !patch.lookup_keys(&stored.fields).is_empty() {
            return Ok(Decision::UseTransaction);
        }
        let new = patched(stored, patch, Conflicts::default(), None)?;
        Ok(new.map_or(Decision::Keep, |new| Decision::Change(Box::new(new))))
    };
    change(
        lease,
        gate,
        ids,
        (workspace, patch.device),
        &patch.origin,
        decide,
    )
}

/// Archives a device.
pub(super) fn delete(
    lease: &mut Lease,
    gate: &CommitGate,
    ids: &IdBlocks,
    (workspace, device): (WorkspaceId, DeviceId),
    precondition: &Precondition,
    origin: &Origin,
) -> UnlockedResult {
    let decide = |stored: &StoredState| {
        let new = archived(stored, precondition)?;
        Ok(Decision::Change(Box::new(new)))
    };
    change(lease, gate, ids, (workspace, device), origin, decide)
}

/// Reads a device and carries out the decision of `decide`. Passes the gate before the change is
/// sent: from then on, it may be committed.
fn change(
    lease: &mut Lease,
    gate: &CommitGate,
    ids: &IdBlocks,
    (workspace, device): (WorkspaceId, DeviceId),
    origin: &Origin,
    decide: impl FnOnce(&StoredState) -> Result<Decision, ChangeDeviceError>,
) -> UnlockedResult {
    let connection = lease.connection()?;
    let stored = StoredState::read(connection, workspace, device).map_err(classify)?;
    let stored = stored.ok_or(ChangeDeviceError::NotFound)?;
    let new = match decide(&stored)? {
        Decision::Change(new) => *new,
        Decision::UseTransaction => return Ok(None),
        Decision::Keep => {
            let found = select::find(connection, workspace, device).map_err(classify)?;
            let unchanged = found.filter(|found| found.updated_at == stored.updated_at);
            return Ok(unchanged.map(|device| Outcome::Committed(Some(device))));
        }
    };
    let event_id = ids.take_event(connection).map_err(classify)?;
    gate.commit()?;
    let change = Change::new(workspace, stored, new, event_id, origin);
    let mut marker = change.marker();
    let error = match change.send(connection) {
        Ok(changed) => {
            return Ok(changed.map(|changed| Outcome::Committed(Some(changed.device))));
        }
        Err(error) => error,
    };
    ids.clear_if_taken(&error);
    if is_rejected(&error) {
        return if is_retryable(&error) {
            Ok(None)
        } else {
            Err(classify(error).into())
        };
    }
    marker.backend_pid = lease.lost_backend_pid();
    Ok(Some(Outcome::in_doubt(None, Some(marker), error)))
}
