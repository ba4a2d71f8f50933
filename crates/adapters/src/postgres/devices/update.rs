//! Changes of single devices: the state after a patch or an archiving, and the transaction that
//! stores it.

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, ChangeConflicts, ChangeDeviceError, Conflicts, DeviceChange, DeviceFields, DeviceId,
    Origin, Precondition, StoredDevice, Subject, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::change_statement::{Change, Changed};
use super::conflicts::{self, Lookup};
use super::id_blocks::IdBlocks;
use super::select;
use super::stored_state::StoredState;
use crate::postgres::audit_events::NewEvent;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::Resource;

pub(super) type ChangeResult = Result<(StoredDevice, Effect), Failure<ChangeDeviceError>>;

/// New state of a device, and the event of the change.
pub(super) struct NewState {
    pub(super) fields: DeviceFields,
    pub(super) archived_at: Option<DateTime<Utc>>,
    pub(super) event: NewEvent,
}

/// Applies a patch to a device.
pub(crate) fn update(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    patch: &DeviceChange,
) -> ChangeResult {
    let stored = lock(connection, workspace, patch.device)?;
    check_patchable(&stored, patch).map_err(Failure::Rejected)?;
    let (conflicts, assignee) = find_conflicts(connection, workspace, patch, &stored.fields)?;
    match patched(&stored, patch, conflicts, assignee).map_err(Failure::Rejected)? {
        Some(new) => {
            let changed = change(connection, ids, workspace, stored, new, &patch.origin)?;
            Ok((changed.device, Effect::Marked(changed.marker)))
        }
        None => unchanged(connection, workspace, patch.device),
    }
}

/// Archives a device.
pub(crate) fn delete(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    device: DeviceId,
    precondition: &Precondition,
    origin: &Origin,
) -> ChangeResult {
    let stored = lock(connection, workspace, device)?;
    let new = archived(&stored, precondition).map_err(Failure::Rejected)?;
    let changed = change(connection, ids, workspace, stored, new, origin)?;
    Ok((changed.device, Effect::Marked(changed.marker)))
}

/// Returns an error if the patch does not apply to a device in this state.
pub(super) fn check_patchable(
    stored: &StoredState,
    patch: &DeviceChange,
) -> Result<(), ChangeDeviceError> {
    if stored.archived_at.is_some() {
        return Err(ChangeDeviceError::Archived);
    }
    stored.check(&patch.precondition)
}

/// Returns the state after a patch, or `None` if the patch changes nothing. `conflicts` and
/// `assignee`, the user with the patch's email address, are the results of the look-up.
pub(super) fn patched(
    stored: &StoredState,
    patch: &DeviceChange,
    conflicts: Conflicts,
    assignee: Option<UserId>,
) -> Result<Option<NewState>, ChangeDeviceError> {
    let after = match patch.patch.apply(&stored.fields, assignee) {
        Ok(after) if conflicts.is_empty() => after,
        applied => {
            let conflicts = ChangeConflicts {
                errors: applied.err().unwrap_or_default(),
                conflicts,
            };
            return Err(ChangeDeviceError::Rejected(Box::new(conflicts)));
        }
    };
    let changed_fields = stored.fields.changed_field_names(&after);
    if changed_fields.is_empty() {
        return Ok(None);
    }
    let event = NewEvent::new(Action::Updated, Subject::Devices(vec![stored.id]));
    Ok(Some(NewState {
        fields: after,
        archived_at: None,
        event: event.with_fields(changed_fields),
    }))
}

/// Returns the state after archiving.
pub(super) fn archived(
    stored: &StoredState,
    precondition: &Precondition,
) -> Result<NewState, ChangeDeviceError> {
    if stored.archived_at.is_some() {
        return Err(ChangeDeviceError::NotFound);
    }
    stored.check(precondition)?;
    let event = NewEvent::new(Action::Deleted, Subject::Devices(vec![stored.id]));
    Ok(NewState {
        fields: stored.fields.clone(),
        archived_at: Some(stored.next_updated_at),
        event: event.with_usage(Resource::Devices, -1),
    })
}

/// Returns the conflicts of a patch with other devices and with users, and the user with the
/// patch's email address.
fn find_conflicts(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    patch: &DeviceChange,
    stored: &DeviceFields,
) -> QueryResult<(Conflicts, Option<UserId>)> {
    let keys = patch.lookup_keys(stored);
    if keys.is_empty() {
        return Ok((Conflicts::default(), None));
    }
    let found = conflicts::find(connection, workspace, &keys, Lookup::Complete)?;
    let assignee = found.users_by_email.into_values().next();
    Ok((found.conflicts, assignee))
}

/// Reads a device and locks it until the transaction ends.
pub(super) fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
) -> Result<StoredState, Failure<ChangeDeviceError>> {
    let stored = StoredState::lock(connection, workspace, device)?;
    stored.ok_or(Failure::Rejected(ChangeDeviceError::NotFound))
}

/// Stores the new state of a locked device.
pub(super) fn change(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    stored: StoredState,
    new: NewState,
    origin: &Origin,
) -> QueryResult<Changed> {
    let event_id = ids.take_event(connection)?;
    let change = Change::new(workspace, stored, new, event_id, origin);
    let changed = change
        .send(connection)
        .inspect_err(|error| ids.clear_if_taken(error))?;
    changed.ok_or(DieselError::NotFound)
}

/// Returns the result of a request that changes nothing.
pub(super) fn unchanged(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
) -> ChangeResult {
    let device = select::find(connection, workspace, device)?;
    Ok((device.ok_or(DieselError::NotFound)?, Effect::None))
}
