//! Changes of single devices.

use devices_domain::{
    Action, ChangeConflicts, ChangeDeviceError, DeviceChange, DeviceId, Origin, Precondition,
    Revision, StoredDevice, Subject, WorkspaceId,
};
use diesel::dsl::{now, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::Timestamptz;

use crate::postgres::audit_events::NewEvent;
use crate::postgres::devices::columns::DeviceRow;
use crate::postgres::devices::conflicts::{self, Lookup};
use crate::postgres::devices::search_index;
use crate::postgres::devices::select::{self, ReadRow};
use crate::postgres::schema::tables::devices;
use crate::postgres::transaction::run::{Effect, Failure};

/// The device, which nobody else changes until the transaction ends.
fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
) -> Result<ReadRow, Failure<ChangeDeviceError>> {
    let row: Option<ReadRow> = devices::table
        .find((workspace.0, device.0))
        .select(ReadRow::as_select())
        .for_no_key_update()
        .first(connection)
        .optional()?;
    row.ok_or(Failure::Rejected(ChangeDeviceError::NotFound))
}

/// Later than now, where the last change seems to be from the future: of two changes the second is
/// later, whatever the clock does.
fn later() -> diesel::expression::SqlLiteral<Timestamptz> {
    sql::<Timestamptz>("greatest(clock_timestamp(), updated_at + interval '1 microsecond')")
}

pub(crate) fn update(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    change: &DeviceChange,
) -> Result<(StoredDevice, Effect), Failure<ChangeDeviceError>> {
    let stored = lock(connection, workspace, change.device)?;
    if stored.deleted_at.is_some() {
        return Err(Failure::Rejected(ChangeDeviceError::Archived));
    }
    if !change.expected.holds(Revision::at(stored.updated_at)) {
        return Err(Failure::Rejected(ChangeDeviceError::PreconditionFailed));
    }
    let before = stored.row.into_fields()?;
    let found = conflicts::find(connection, workspace, &change.references(), Lookup::Report)?;
    let by_email = found.users_by_email.into_values().next();
    let after = match change.patch.apply(&before, by_email) {
        Ok(after) if found.conflicts.is_empty() => after,
        applied => {
            let objections = ChangeConflicts {
                error: applied.err(),
                conflicts: found.conflicts,
            };
            let refused = ChangeDeviceError::Refused(Box::new(objections));
            return Err(Failure::Rejected(refused));
        }
    };
    let changed = before.changed_field_names(&after);
    let mut written = Effect::None;
    if !changed.is_empty() {
        let assignee = after.ownership.user_id;
        let row = DeviceRow::new(workspace, change.device.0, &after, assignee);
        diesel::update(devices::table.find((workspace.0, change.device.0)))
            .set((&row, devices::updated_at.eq(later())))
            .execute(connection)?;
        search_index::renew(connection, workspace, change.device.0)?;
        let subject = Subject::Devices(vec![change.device]);
        let record = NewEvent::new(Action::Updated, subject).with_fields(changed);
        written = Effect::Marked(record.insert(connection, workspace, &change.origin)?);
    }
    Ok((reload(connection, workspace, change.device)?, written))
}

pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
    expected: &Precondition,
    origin: &Origin,
) -> Result<(StoredDevice, Effect), Failure<ChangeDeviceError>> {
    let stored = lock(connection, workspace, device)?;
    if stored.deleted_at.is_some() {
        return Err(Failure::Rejected(ChangeDeviceError::NotFound));
    }
    if !expected.holds(Revision::at(stored.updated_at)) {
        return Err(Failure::Rejected(ChangeDeviceError::PreconditionFailed));
    }
    diesel::update(devices::table.find((workspace.0, device.0)))
        .set((devices::deleted_at.eq(now), devices::updated_at.eq(later())))
        .execute(connection)?;
    search_index::renew(connection, workspace, device.0)?;
    let subject = Subject::Devices(vec![device]);
    let receipt = NewEvent::new(Action::Deleted, subject).insert(connection, workspace, origin)?;
    let deleted = reload(connection, workspace, device)?;
    Ok((deleted, Effect::Marked(receipt)))
}

fn reload(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
) -> QueryResult<StoredDevice> {
    let loaded = select::load(connection, workspace, &[device.0])?;
    loaded.into_iter().next().ok_or(DieselError::NotFound)
}
