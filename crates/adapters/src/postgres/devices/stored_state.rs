//! The state of a stored device that a change starts from.

use chrono::{DateTime, Utc};
use devices_domain::{
    ChangeDeviceError, DeviceFields, DeviceId, Precondition, Revision, SearchDocument,
    StoredDevice, WorkspaceId,
};
use diesel::dsl::AsSelect;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz};

use super::row_locks::{locking_select, plain_select};
use super::select::{RowSql, StoredRow};
use crate::postgres::query::positional::{Positional, column_list};
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::tsvector::EncodedDocument;
use crate::postgres::query::updated_at::{clock_timestamp, next_updated_at};
use crate::postgres::schema::tables::devices;

/// A stored device, without its assignee and its enrolment.
pub(crate) struct StoredState {
    pub(crate) id: DeviceId,
    pub(crate) fields: DeviceFields,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) archived_at: Option<DateTime<Utc>>,
    /// Time of the next change.
    pub(crate) next_updated_at: DateTime<Utc>,
}

/// Selects a device and the current time of the database.
#[diesel::dsl::auto_type(no_type_alias)]
fn by_id(workspace: WorkspaceId, device: DeviceId) -> _ {
    let key: (i64, i64) = (workspace.0, device.0);
    let row: AsSelect<StoredRow, Pg> = StoredRow::as_select();
    devices::table.find(key).select((row, clock_timestamp()))
}

impl StoredState {
    /// Reads a device.
    pub(crate) fn read(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        device: DeviceId,
    ) -> QueryResult<Option<Self>> {
        let row: Option<(StoredRow, DateTime<Utc>)> =
            by_id(workspace, device).get_result(connection).optional()?;
        row.map(Self::from_row).transpose()
    }

    /// Reads a device and locks it until the transaction ends.
    pub(crate) fn lock(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        device: DeviceId,
    ) -> QueryResult<Option<Self>> {
        let row: Option<(StoredRow, DateTime<Utc>)> = by_id(workspace, device)
            .for_no_key_update()
            .get_result(connection)
            .optional()?;
        row.map(Self::from_row).transpose()
    }

    /// Reads devices and [locks](super::row_locks) them. Omits unknown ids. The result is in the
    /// order of the locks.
    pub(crate) fn lock_all(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        devices: &[i64],
    ) -> QueryResult<Vec<Self>> {
        Self::load_all(connection, workspace, devices, locking_select)
    }

    /// Reads devices, in any order. Omits unknown ids.
    pub(super) fn read_all(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        devices: &[i64],
    ) -> QueryResult<Vec<Self>> {
        Self::load_all(connection, workspace, devices, plain_select)
    }

    /// Loads devices with a statement of [`row_locks`](super::row_locks).
    fn load_all(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        devices: &[i64],
        select: fn(&str) -> String,
    ) -> QueryResult<Vec<Self>> {
        let columns = format!("{}, clock_timestamp()", column_list::<StoredRow>());
        let query = prepared(select(&columns))
            .bind::<BigInt, _>(workspace.0)
            .bind::<Array<BigInt>, _>(devices);
        let query: Positional<'_, (RowSql<StoredRow>, Timestamptz)> = Positional::new(query);
        let rows: Vec<(StoredRow, DateTime<Utc>)> = query.load(connection)?;
        rows.into_iter().map(Self::from_row).collect()
    }

    /// Returns the state of a device that was read at `now`.
    pub(super) fn of_device(stored: &StoredDevice, now: DateTime<Utc>) -> Self {
        Self {
            id: stored.device.id,
            fields: stored.device.fields.clone(),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            archived_at: stored.archived_at,
            next_updated_at: next_updated_at(now, stored.updated_at),
        }
    }

    fn from_row((stored, now): (StoredRow, DateTime<Utc>)) -> QueryResult<Self> {
        Ok(Self {
            id: DeviceId(stored.row.id),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            archived_at: stored.deleted_at,
            next_updated_at: next_updated_at(now, stored.updated_at),
            fields: stored.row.into_fields()?,
        })
    }

    /// Returns an error if the device has another revision than the precondition requires.
    pub(crate) fn check(&self, precondition: &Precondition) -> Result<(), ChangeDeviceError> {
        if precondition.is_met_by(Revision::at(self.updated_at)) {
            Ok(())
        } else {
            Err(ChangeDeviceError::PreconditionFailed)
        }
    }

    /// Returns the search document of the changed device, unless it is stored already, in the index
    /// or in the queue. Writing one costs as much as changing the device.
    pub(crate) fn changed_document(
        &self,
        after: &DeviceFields,
        is_archived: bool,
    ) -> Option<EncodedDocument> {
        let document = |fields| EncodedDocument::new(&SearchDocument::for_device(fields));
        let before = &self.fields;
        let is_same_object = self.archived_at.is_some() == is_archived
            && before.ownership.user_id == after.ownership.user_id;
        // Comparing the texts costs much less than building the documents.
        if is_same_object && SearchDocument::has_same_text(before, after) {
            return None;
        }
        let changed = document(after);
        let is_stored = is_same_object
            && before.search_identifiers() == after.search_identifiers()
            && document(before) == changed;
        (!is_stored).then_some(changed)
    }
}
