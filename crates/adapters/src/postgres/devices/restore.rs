//! Restoring of archived devices.

use std::collections::BTreeSet;

use devices_domain::{
    Action, ChangeConflicts, ChangeDeviceError, Conflicts, DeviceId, LookupKeys, Origin,
    Precondition, Subject, WorkspaceId,
};
use diesel::pg::PgConnection;

use super::conflicts::{self, Lookup};
use super::device_limit;
use super::id_blocks::IdBlocks;
use super::update::{ChangeResult, NewState, change, lock, unchanged};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::Resource;

/// Restores an archived device. An active device is returned unchanged.
///
/// If another transaction takes a unique value after the look-up, the unique index stops this one,
/// and its retry is rejected here.
pub(crate) fn restore(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    device: DeviceId,
    precondition: &Precondition,
    origin: &Origin,
) -> ChangeResult {
    let stored = lock(connection, workspace, device)?;
    stored.check(precondition).map_err(Failure::Rejected)?;
    if stored.archived_at.is_none() {
        return unchanged(connection, workspace, device);
    }
    let mut fields = stored.fields.clone();
    let keys = LookupKeys::from_restored(device, &fields);
    // Locks the assignee, if it still exists: it is not deleted before the transaction ends.
    let found = conflicts::find(connection, workspace, &keys, Lookup::Complete)?;
    let limit_reached = found.device_limit_reached(keys.added_devices);
    let Conflicts { unknown_users, .. } = &found.conflicts;
    let assigned = fields.ownership.user_id;
    let assignee = assigned.filter(|user| !unknown_users.contains(user));
    let conflicts = Conflicts {
        unknown_users: BTreeSet::new(),
        device_limit: limit_reached,
        ..found.conflicts
    };
    if !conflicts.is_empty() {
        let errors = Vec::new();
        let rejected = Box::new(ChangeConflicts { errors, conflicts });
        return Err(Failure::Rejected(ChangeDeviceError::Rejected(rejected)));
    }
    fields.ownership.user_id = assignee;
    let changed_fields = if assignee == assigned {
        Vec::new()
    } else {
        vec!["user_id"]
    };
    let event = NewEvent::new(Action::Restored, Subject::Devices(vec![device]))
        .with_fields(changed_fields)
        .with_usage(Resource::Devices, 1);
    let new = NewState {
        fields,
        archived_at: None,
        event,
    };
    let restored = change(connection, ids, workspace, stored, new, origin)?;
    device_limit::enforce(connection, workspace, restored.device_limit)?;
    Ok((restored.device, Effect::Marked(restored.marker)))
}
