//! Changes of single devices.

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, ChangeConflicts, ChangeDeviceError, Conflicts, DeviceChange, DeviceFields, DeviceId,
    Origin, Precondition, Revision, SearchDocument, StoredDevice, Subject, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::change_statement::{ChangedDevice, change};
use super::conflicts::{self, Lookup};
use super::select::{self, StoredRow};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::query::tsvector::EncodedDocument;
use crate::postgres::query::updated_at::{clock_timestamp, next_updated_at};
use crate::postgres::schema::tables::devices;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::Resource;

pub(super) type ChangeResult = Result<(StoredDevice, Effect), Failure<ChangeDeviceError>>;

/// Applies a patch to a device.
pub(crate) fn update(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    patch: &DeviceChange,
) -> ChangeResult {
    let locked = LockedDevice::lock(connection, workspace, patch.device)?;
    if locked.archived_at.is_some() {
        return Err(Failure::Rejected(ChangeDeviceError::Archived));
    }
    locked.check(&patch.precondition)?;
    let before = &locked.fields;
    let (conflicts, assignee) = find_conflicts(connection, workspace, patch, before)?;
    let after = match patch.patch.apply(before, assignee) {
        Ok(after) if conflicts.is_empty() => after,
        applied => {
            let conflicts = ChangeConflicts {
                errors: applied.err().unwrap_or_default(),
                conflicts,
            };
            let error = ChangeDeviceError::Rejected(Box::new(conflicts));
            return Err(Failure::Rejected(error));
        }
    };
    let changed_fields = before.changed_field_names(&after);
    if changed_fields.is_empty() {
        let unchanged = select::find(connection, workspace, patch.device)?;
        return Ok((unchanged.ok_or(DieselError::NotFound)?, Effect::None));
    }
    let event = NewEvent::new(Action::Updated, Subject::Devices(vec![patch.device]))
        .with_fields(changed_fields);
    let changed = locked.changed(after, None);
    let changed = change(connection, workspace, changed, event, &patch.origin)?;
    Ok((changed.device, Effect::Marked(changed.marker)))
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
    let found = conflicts::find(connection, workspace, &keys, Lookup::Report)?;
    let assignee = found.users_by_email.into_values().next();
    Ok((found.conflicts, assignee))
}

/// Archives a device.
pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
    precondition: &Precondition,
    origin: &Origin,
) -> ChangeResult {
    let locked = LockedDevice::lock(connection, workspace, device)?;
    if locked.archived_at.is_some() {
        return Err(Failure::Rejected(ChangeDeviceError::NotFound));
    }
    locked.check(precondition)?;
    let event = NewEvent::new(Action::Deleted, Subject::Devices(vec![device]));
    let event = event.with_usage(Resource::Devices, -1);
    let archived_at = Some(locked.next_updated_at);
    let fields = locked.fields.clone();
    let archived = locked.changed(fields, archived_at);
    let archived = change(connection, workspace, archived, event, origin)?;
    Ok((archived.device, Effect::Marked(archived.marker)))
}

/// A device that no other transaction changes until this one ends.
pub(super) struct LockedDevice {
    id: DeviceId,
    pub(super) fields: DeviceFields,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    pub(super) archived_at: Option<DateTime<Utc>>,
    /// Time of the change that this transaction makes.
    next_updated_at: DateTime<Utc>,
}

impl LockedDevice {
    /// Reads a device and locks it.
    pub(super) fn lock(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        device: DeviceId,
    ) -> Result<Self, Failure<ChangeDeviceError>> {
        let stored: Option<(StoredRow, DateTime<Utc>)> = devices::table
            .find((workspace.0, device.0))
            .select((StoredRow::as_select(), clock_timestamp()))
            .for_no_key_update()
            .get_result(connection)
            .optional()?;
        let (stored, now) = stored.ok_or(Failure::Rejected(ChangeDeviceError::NotFound))?;
        Ok(Self {
            id: device,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            archived_at: stored.deleted_at,
            next_updated_at: next_updated_at(now, stored.updated_at),
            fields: stored.row.into_fields()?,
        })
    }

    pub(super) fn check(
        &self,
        precondition: &Precondition,
    ) -> Result<(), Failure<ChangeDeviceError>> {
        if precondition.is_met_by(Revision::at(self.updated_at)) {
            Ok(())
        } else {
            Err(Failure::Rejected(ChangeDeviceError::PreconditionFailed))
        }
    }

    /// Returns the device with other fields.
    pub(super) fn changed(
        &self,
        fields: DeviceFields,
        archived_at: Option<DateTime<Utc>>,
    ) -> ChangedDevice {
        ChangedDevice {
            id: self.id,
            document: self.changed_document(&fields, archived_at.is_some()),
            fields,
            created_at: self.created_at,
            updated_at: self.next_updated_at,
            archived_at,
        }
    }

    /// Returns the search document of the changed device, unless it is stored already, in the index
    /// or in the queue. Writing one costs as much as changing the device.
    fn changed_document(&self, after: &DeviceFields, is_archived: bool) -> Option<EncodedDocument> {
        let document = |fields| EncodedDocument::new(&SearchDocument::for_device(fields));
        let (before, changed) = (&self.fields, document(after));
        let is_stored = self.archived_at.is_some() == is_archived
            && before.ownership.user_id == after.ownership.user_id
            && before.search_identifiers() == after.search_identifiers()
            && document(before) == changed;
        (!is_stored).then_some(changed)
    }
}
