//! Restoring of archived devices.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, ChangeConflicts, ChangeDeviceError, Conflicts, DeviceId, LookupKeys, Origin,
    Precondition, Subject, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::conflicts::{self, Lookup};
use super::device_limit;
use super::search_index;
use super::update::{ChangeResult, check_precondition, lock, reload};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::query::updated_at::next_updated_at;
use crate::postgres::schema::tables::devices;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::Resource;

/// Restores an archived device. An active device is returned unchanged.
///
/// If another transaction takes a unique value after the look-up, the unique index stops this one,
/// and its retry is rejected here.
pub(crate) fn restore(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
    precondition: &Precondition,
    origin: &Origin,
) -> ChangeResult {
    let stored = lock(connection, workspace, device)?;
    check_precondition(precondition, &stored)?;
    if stored.deleted_at.is_none() {
        return Ok((reload(connection, workspace, device)?, Effect::None));
    }
    let mut fields = stored.row.into_fields()?;
    let keys = LookupKeys::from_restored(device, &fields);
    // Locks the assignee, if it still exists: it is not deleted before the transaction ends.
    let found = conflicts::find(connection, workspace, &keys, Lookup::BeforeRestore)?;
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
    diesel::update(devices::table.find((workspace.0, device.0)))
        .set((
            devices::deleted_at.eq(None::<DateTime<Utc>>),
            devices::user_id.eq(assignee.map(|user| user.0)),
            devices::updated_at.eq(next_updated_at()),
        ))
        .execute(connection)?;
    fields.ownership.user_id = assignee;
    search_index::reindex(connection, workspace, device.0, &fields, false)?;
    let changed_fields = if assignee == assigned {
        Vec::new()
    } else {
        vec!["user_id"]
    };
    let event = NewEvent::new(Action::Restored, Subject::Devices(vec![device]));
    let event = event
        .with_fields(changed_fields)
        .with_usage(Resource::Devices, 1);
    let marker = event.insert_change_event(connection, workspace, origin)?;
    let restored = reload(connection, workspace, device)?;
    let limit = device_limit::current_limit(connection, workspace)?;
    device_limit::enforce(connection, workspace, limit)?;
    Ok((restored, Effect::Marked(marker)))
}
