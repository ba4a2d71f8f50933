//! The statement that changes a device: the row, its search document and the audit event.

use std::sync::LazyLock;

use devices_domain::{Device, Origin, StoredDevice, UniqueField, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};

use super::columns::DeviceRow;
use super::device_limit::DEVICE_LIMIT;
use super::select::{Relations, RelationsSql, relations};
use super::stored_state::StoredState;
use super::update::NewState;
use crate::postgres::audit_events::{FIRST_PARAMETER, with_event_of_id};
use crate::postgres::enrollments::EnrollmentRow;
use crate::postgres::query::columns::assignments;
use crate::postgres::query::positional::Positional;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::tsvector::Tsvector;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::users::AssigneeRow;

/// Change of a device that was read. The id of its event is reserved.
pub(super) struct Change<'a> {
    workspace: WorkspaceId,
    stored: StoredState,
    new: NewState,
    event_id: i64,
    origin: &'a Origin,
}

/// SQL type of the result of [`CHANGE`].
type ResultSql = (Nullable<Integer>, RelationsSql);

/// A device that was changed.
pub(super) struct Changed {
    pub(super) device: StoredDevice,
    pub(super) marker: CommitMarker,
    /// The workspace's device limit, if the device was restored.
    pub(super) device_limit: Option<i32>,
}

/// Changes a device that still has the revision that was read.
///
/// The statement sets all columns, so that one text, and one plan, serves every change. It returns
/// the assignee and the enrolment as they are at the change.
static CHANGE: LazyLock<String> = LazyLock::new(|| {
    let [
        event_id,
        device,
        read_revision,
        updated_at,
        deleted_at,
        user,
        identifiers,
        document,
        serial_number,
    ]: [String; FIXED_PARAMETERS] =
        std::array::from_fn(|index| format!("${}", FIRST_PARAMETER + index));
    let first_column = FIRST_PARAMETER + FIXED_PARAMETERS;
    let assignments = assignments(DeviceRow::COLUMNS, first_column);
    let (relations, joins) = relations(&user, &serial_number);
    // The index of `updated_at` does not serve IS NOT DISTINCT FROM. A plan with that index would
    // read all devices of a batch.
    let is_current = format!("devices.updated_at IS NOT DISTINCT FROM {read_revision}");
    with_event_of_id(
        &event_id,
        &updated_at,
        &format!(
            "UPDATE devices SET {assignments}, \
                 updated_at = {updated_at}, deleted_at = {deleted_at} \
             WHERE devices.workspace_id = $1 AND devices.id = {device} AND {is_current} \
             RETURNING devices.id \
             ), document AS ( \
                 INSERT INTO search_documents \
                     (workspace_id, device_id, user_id, identifiers, is_archived, document) \
                 SELECT $1, changed.id, {user}, {identifiers}, {deleted_at} IS NOT NULL, {document} \
                 FROM changed WHERE {document} IS NOT NULL \
                 ON CONFLICT (workspace_id, device_id) DO UPDATE SET \
                     user_id = excluded.user_id, identifiers = excluded.identifiers, \
                     is_archived = excluded.is_archived, document = excluded.document"
        ),
        // $11 is the change of the number of devices. Only a restored device can exceed the limit.
        &format!(
            "SELECT CASE WHEN $11 > 0 THEN {DEVICE_LIMIT} END, {relations} FROM changed{joins}"
        ),
    )
});

/// Number of the parameters of [`CHANGE`] between those of the event and those of the columns.
const FIXED_PARAMETERS: usize = 9;

impl<'a> Change<'a> {
    pub(super) fn new(
        workspace: WorkspaceId,
        stored: StoredState,
        new: NewState,
        event_id: i64,
        origin: &'a Origin,
    ) -> Self {
        Self {
            workspace,
            stored,
            new,
            event_id,
            origin,
        }
    }

    /// Returns the marker of the transaction that makes this change.
    pub(super) fn marker(&self) -> CommitMarker {
        self.new
            .event
            .marker(self.workspace, self.origin, self.event_id)
    }

    /// Stores the new state, its search document and the event. Returns `None` if the device was
    /// changed since it was read: then nothing is stored.
    pub(super) fn send(self, connection: &mut PgConnection) -> QueryResult<Option<Changed>> {
        let NewState {
            fields,
            archived_at,
            event,
        } = &self.new;
        let assignee = fields.ownership.user_id;
        let row = DeviceRow::new(self.workspace, self.stored.id.0, fields, assignee);
        let document = self.stored.changed_document(fields, archived_at.is_some());
        // Another device may have the serial number of an archived device.
        let serial_number = UniqueField::SerialNumber
            .folded(fields)
            .filter(|_| archived_at.is_none());
        let query = event
            .bind_to(prepared(CHANGE.as_str()), self.workspace, self.origin)
            .bind::<BigInt, _>(self.event_id)
            .bind::<BigInt, _>(self.stored.id.0)
            .bind::<Timestamptz, _>(self.stored.updated_at)
            .bind::<Timestamptz, _>(self.stored.next_updated_at)
            .bind::<Nullable<Timestamptz>, _>(*archived_at)
            .bind::<Nullable<BigInt>, _>(assignee.map(|user| user.0))
            .bind::<Nullable<Text>, _>(fields.search_identifiers())
            .bind::<Nullable<Tsvector>, _>(document)
            .bind::<Nullable<Text>, _>(serial_number);
        let query: Positional<'_, ResultSql> = Positional::new(row.bind_to(query));
        let row: Option<(Option<i32>, Relations)> = query.get_result(connection).optional()?;
        let changed = row.map(|(device_limit, relations)| {
            Ok(Changed {
                marker: self.marker(),
                device_limit,
                device: self.into_device(relations)?,
            })
        });
        changed.transpose()
    }

    fn into_device(self, (assignee, enrollment): Relations) -> QueryResult<StoredDevice> {
        Ok(StoredDevice {
            assignee: assignee.map(AssigneeRow::into_assignee),
            created_at: self.stored.created_at,
            updated_at: self.stored.next_updated_at,
            archived_at: self.new.archived_at,
            device: Device {
                id: self.stored.id,
                enrollment: enrollment.map(EnrollmentRow::into_enrollment).transpose()?,
                fields: self.new.fields,
            },
        })
    }
}
