//! The statement that changes a device: the row, its search document and the audit event.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use devices_domain::{
    Device, DeviceFields, DeviceId, Origin, StoredDevice, UniqueField, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};

use super::columns::DeviceRow;
use super::select::{Relations, RelationsSql, relations};
use crate::postgres::audit_events::{EVENT_ID, FIRST_PARAMETER, NewEvent, with_event};
use crate::postgres::enrollments::EnrollmentRow;
use crate::postgres::query::columns::assignments;
use crate::postgres::query::positional::Positional;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::tsvector::{EncodedDocument, Tsvector};
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::users::AssigneeRow;

/// New state of a device that is locked.
pub(super) struct ChangedDevice {
    pub(super) id: DeviceId,
    pub(super) fields: DeviceFields,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) archived_at: Option<DateTime<Utc>>,
    /// The search document, if the change affects searches.
    pub(super) document: Option<EncodedDocument>,
}

/// SQL type of the result of [`CHANGE`].
type ResultSql = (BigInt, Nullable<Integer>, RelationsSql);

/// A device that was changed.
pub(super) struct Changed {
    pub(super) device: StoredDevice,
    pub(super) marker: CommitMarker,
    /// The workspace's device limit, if the change added a device.
    pub(super) device_limit: Option<i32>,
}

/// Changes a device.
///
/// The statement sets all columns, so that one text, and one plan, serves every change. It returns
/// the assignee and the enrolment as they are after the device was locked.
static CHANGE: LazyLock<String> = LazyLock::new(|| {
    const FIXED: [&str; 7] = [
        "device",
        "updated_at",
        "deleted_at",
        "user_id",
        "identifiers",
        "document",
        "serial_number",
    ];
    let [
        device,
        updated_at,
        deleted_at,
        user,
        identifiers,
        document,
        serial_number,
    ] = std::array::from_fn(|index| format!("${}", FIRST_PARAMETER + index));
    let first_column = FIRST_PARAMETER + FIXED.len();
    let assignments = assignments(DeviceRow::COLUMNS, first_column);
    let (relations, joins) = relations(&user, &serial_number);
    with_event(
        &format!(
            "UPDATE devices SET {assignments}, \
                 updated_at = {updated_at}, deleted_at = {deleted_at} \
             WHERE devices.workspace_id = $1 AND devices.id = {device} RETURNING devices.id \
             ), document AS ( \
                 INSERT INTO search_documents \
                     (workspace_id, device_id, user_id, identifiers, is_archived, document) \
                 SELECT $1, changed.id, {user}, {identifiers}, {deleted_at} IS NOT NULL, {document} \
                 FROM changed WHERE {document} IS NOT NULL \
                 ON CONFLICT (workspace_id, device_id) DO UPDATE SET \
                     user_id = excluded.user_id, identifiers = excluded.identifiers, \
                     is_archived = excluded.is_archived, document = excluded.document"
        ),
        &format!(
            "SELECT {EVENT_ID}, \
                    CASE WHEN $11 > 0 THEN (SELECT device_limit FROM workspaces \
                                            WHERE workspaces.id = $1) END, \
                    {relations} FROM changed{joins}"
        ),
    )
});

/// Stores the new state of a locked device, with its search document and an audit event.
///
/// # Errors
/// [`NotFound`](diesel::result::Error::NotFound) if the device does not exist.
pub(super) fn change(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    mut changed: ChangedDevice,
    event: NewEvent,
    origin: &Origin,
) -> QueryResult<Changed> {
    let document = changed.document.take();
    let fields = &changed.fields;
    let assignee = fields.ownership.user_id;
    let row = DeviceRow::new(workspace, changed.id.0, fields, assignee);
    // Another device may have the serial number of an archived device.
    let serial_number = UniqueField::SerialNumber
        .folded(fields)
        .filter(|_| changed.archived_at.is_none());
    let query = event
        .bind_to(prepared(CHANGE.as_str()), workspace, origin)
        .bind::<BigInt, _>(changed.id.0)
        .bind::<Timestamptz, _>(changed.updated_at)
        .bind::<Nullable<Timestamptz>, _>(changed.archived_at)
        .bind::<Nullable<BigInt>, _>(assignee.map(|user| user.0))
        .bind::<Nullable<Text>, _>(fields.search_identifiers())
        .bind::<Nullable<Tsvector>, _>(document)
        .bind::<Nullable<Text>, _>(serial_number);
    let query: Positional<'_, ResultSql> = Positional::new(row.bind_to(query));
    let (event_id, device_limit, relations): (i64, Option<i32>, Relations) =
        query.get_result(connection)?;
    Ok(Changed {
        marker: event.into_marker(workspace, origin, event_id),
        device_limit,
        device: stored_device(changed, relations)?,
    })
}

fn stored_device(changed: ChangedDevice, relations: Relations) -> QueryResult<StoredDevice> {
    let (assignee, enrollment) = relations;
    Ok(StoredDevice {
        assignee: assignee.map(AssigneeRow::into_assignee),
        created_at: changed.created_at,
        updated_at: changed.updated_at,
        archived_at: changed.archived_at,
        device: Device {
            id: changed.id,
            enrollment: enrollment.map(EnrollmentRow::into_enrollment).transpose()?,
            fields: changed.fields,
        },
    })
}
