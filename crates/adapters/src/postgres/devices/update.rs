//! Changes of single devices.

use devices_domain::{
    Action, ChangeConflicts, ChangeDeviceError, DeviceChange, DeviceId, Origin, Precondition,
    Revision, StoredDevice, Subject, WorkspaceId,
};
use diesel::dsl::now;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::columns::DeviceRow;
use super::conflicts::{self, Lookup};
use super::search_index;
use super::select::{self, StoredRow};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::query::updated_at::next_updated_at;
use crate::postgres::schema::tables::devices;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::Resource;

pub(super) type ChangeResult = Result<(StoredDevice, Effect), Failure<ChangeDeviceError>>;

/// Applies a patch to a device.
pub(crate) fn update(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    change: &DeviceChange,
) -> ChangeResult {
    let stored = lock(connection, workspace, change.device)?;
    if stored.deleted_at.is_some() {
        return Err(Failure::Rejected(ChangeDeviceError::Archived));
    }
    check_precondition(&change.precondition, &stored)?;
    let before = stored.row.into_fields()?;
    let found = conflicts::find(connection, workspace, &change.lookup_keys(), Lookup::Report)?;
    let assignee = found.users_by_email.into_values().next();
    let after = match change.patch.apply(&before, assignee) {
        Ok(after) if found.conflicts.is_empty() => after,
        applied => {
            let conflicts = ChangeConflicts {
                errors: applied.err().unwrap_or_default(),
                conflicts: found.conflicts,
            };
            let error = ChangeDeviceError::Rejected(Box::new(conflicts));
            return Err(Failure::Rejected(error));
        }
    };
    let changed_fields = before.changed_field_names(&after);
    let mut effect = Effect::None;
    if !changed_fields.is_empty() {
        let assignee = after.ownership.user_id;
        let row = DeviceRow::new(workspace, change.device.0, &after, assignee);
        diesel::update(devices::table.find((workspace.0, change.device.0)))
            .set((&row, devices::updated_at.eq(next_updated_at())))
            .execute(connection)?;
        search_index::reindex(connection, workspace, change.device.0, &after, false)?;
        let event = NewEvent::new(Action::Updated, Subject::Devices(vec![change.device]))
            .with_fields(changed_fields);
        effect =
            Effect::Marked(event.insert_change_event(connection, workspace, &change.origin)?);
    }
    Ok((reload(connection, workspace, change.device)?, effect))
}

/// Archives a device.
pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
    precondition: &Precondition,
    origin: &Origin,
) -> ChangeResult {
    let stored = lock(connection, workspace, device)?;
    if stored.deleted_at.is_some() {
        return Err(Failure::Rejected(ChangeDeviceError::NotFound));
    }
    check_precondition(precondition, &stored)?;
    diesel::update(devices::table.find((workspace.0, device.0)))
        .set((
            devices::deleted_at.eq(now),
            devices::updated_at.eq(next_updated_at()),
        ))
        .execute(connection)?;
    let fields = stored.row.into_fields()?;
    search_index::reindex(connection, workspace, device.0, &fields, true)?;
    let event = NewEvent::new(Action::Deleted, Subject::Devices(vec![device]));
    let event = event.with_usage(Resource::Devices, -1);
    let marker = event.insert_change_event(connection, workspace, origin)?;
    let deleted = reload(connection, workspace, device)?;
    Ok((deleted, Effect::Marked(marker)))
}

/// Reads a device and locks it until the transaction ends.
pub(super) fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
) -> Result<StoredRow, Failure<ChangeDeviceError>> {
    let row: Option<StoredRow> = devices::table
        .find((workspace.0, device.0))
        .select(StoredRow::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?;
    row.ok_or(Failure::Rejected(ChangeDeviceError::NotFound))
}

pub(super) fn check_precondition(
    precondition: &Precondition,
    stored: &StoredRow,
) -> Result<(), Failure<ChangeDeviceError>> {
    if precondition.is_met_by(Revision::at(stored.updated_at)) {
        Ok(())
    } else {
        Err(Failure::Rejected(ChangeDeviceError::PreconditionFailed))
    }
}

pub(super) fn reload(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
) -> QueryResult<StoredDevice> {
    let loaded = select::load(connection, workspace, &[device.0])?;
    loaded.into_iter().next().ok_or(DieselError::NotFound)
}
