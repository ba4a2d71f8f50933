//! Changes of enrolments, each with its audit event.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, DeviceId, Enrollment, EnrollmentId, EnrollmentReport, IdentifierKey, Origin,
    PutEnrollmentError, RepositoryError, SerialNumber, StoredEnrollment, Subject, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};

use super::row::{EnrollmentColumns, EnrollmentRow};
use super::select::{active, with_devices};
use crate::postgres::audit_events::{EVENT_ID, FIRST_PARAMETER, NewEvent, with_event_at};
use crate::postgres::query::columns::assignments;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::updated_at::{clock_timestamp, next_updated_at};
use crate::postgres::schema::tables::devices_mdm;
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::{self, Resource};

/// Creates the enrolment of a serial number, or replaces its newest enrolment and deletes the older
/// ones. Returns the enrolment, and whether it was created.
///
/// A report that changes nothing writes neither the enrolment nor an audit event.
pub(crate) fn put(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    report: &EnrollmentReport,
    quota: u64,
) -> Result<((StoredEnrollment, bool), Effect), Failure<PutEnrollmentError>> {
    let locked = lock(connection, workspace, report.serial_number.folded())?;
    let Some(newest) = locked.rows.first() else {
        return create(connection, workspace, report, quota);
    };
    let changed_fields = changed_fields(newest, report)?;
    let older = locked.rows.len() as i64 - 1;
    if changed_fields.is_empty() && older == 0 {
        let unchanged = with_devices(connection, workspace, locked.rows)?.pop();
        return Ok((
            (unchanged.ok_or(DieselError::NotFound)?, false),
            Effect::None,
        ));
    }
    let subject = Subject::Enrollment(EnrollmentId(newest.id));
    let event = NewEvent::new(Action::Updated, subject)
        .with_fields(changed_fields)
        .with_usage(Resource::Enrollments, -older);
    let query = event
        .bind_to(prepared(REPLACE.as_str()), workspace, &report.origin)
        .bind::<Text, _>(report.serial_number.folded())
        .bind::<Timestamptz, _>(locked.next_updated_at)
        .bind::<BigInt, _>(newest.id)
        .bind::<Text, _>(report.serial_number.as_str());
    let query = EnrollmentColumns::from_fields(&report.fields).bind_to(query);
    let changed: Changed = query.get_result(connection)?;
    let replaced = StoredEnrollment {
        serial_number: report.serial_number.clone(),
        device_id: changed.device_id.map(DeviceId),
        created_at: newest.created_at,
        enrollment: Enrollment {
            id: EnrollmentId(newest.id),
            fields: report.fields.clone(),
        },
    };
    let marker = event.marker(workspace, &report.origin, changed.event_id);
    Ok(((replaced, false), Effect::Marked(marker)))
}

fn create(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    report: &EnrollmentReport,
    quota: u64,
) -> Result<((StoredEnrollment, bool), Effect), Failure<PutEnrollmentError>> {
    if usage_counts::total(connection, workspace, Resource::Enrollments)? >= quota {
        return Err(Failure::Rejected(PutEnrollmentError::QuotaExceeded));
    }
    let row = insert(connection, workspace, report)?;
    let subject = Subject::Enrollment(EnrollmentId(row.id));
    let event = NewEvent::new(Action::Created, subject).with_usage(Resource::Enrollments, 1);
    let marker = event.insert_change_event(connection, workspace, &report.origin)?;
    let created = with_devices(connection, workspace, vec![row])?.pop();
    let created = created.ok_or(DieselError::NotFound)?;
    Ok(((created, true), Effect::Marked(marker)))
}

fn insert(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    report: &EnrollmentReport,
) -> QueryResult<EnrollmentRow> {
    diesel::insert_into(devices_mdm::table)
        .values((
            devices_mdm::workspace_id.eq(workspace.0),
            devices_mdm::serial_number.eq(report.serial_number.as_str()),
            devices_mdm::serial_number_folded.eq(report.serial_number.folded()),
            EnrollmentColumns::from_fields(&report.fields),
        ))
        .returning(EnrollmentRow::as_returning())
        .get_result(connection)
}

/// Returns the names of the fields that the report changes, in order.
fn changed_fields(
    before: &EnrollmentRow,
    report: &EnrollmentReport,
) -> QueryResult<Vec<&'static str>> {
    let mut changed_fields = Vec::new();
    if before.serial_number != report.serial_number.as_str() {
        changed_fields.push("serial_number");
    }
    let before = before.clone().into_enrollment()?.fields;
    changed_fields.extend(before.changed_field_names(&report.fields));
    Ok(changed_fields)
}

/// Deletes the enrolments of a serial number. Returns the newest of them as it was, or `None` if
/// there is none.
pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_number: &IdentifierKey,
    origin: &Origin,
) -> Result<(Option<StoredEnrollment>, Effect), Failure<RepositoryError>> {
    let Some(folded) = serial_number.folded() else {
        return Ok((None, Effect::None));
    };
    let locked = lock(connection, workspace, folded)?;
    let Some(newest) = locked.rows.first() else {
        return Ok((None, Effect::None));
    };
    let subject = Subject::Enrollment(EnrollmentId(newest.id));
    let event = NewEvent::new(Action::Deleted, subject);
    let event = event.with_usage(Resource::Enrollments, -(locked.rows.len() as i64));
    let changed: Changed = event
        .bind_to(prepared(DELETE.as_str()), workspace, origin)
        .bind::<Text, _>(folded)
        .bind::<Timestamptz, _>(locked.next_updated_at)
        .get_result(connection)?;
    let deleted = StoredEnrollment {
        serial_number: SerialNumber::from_trusted(&newest.serial_number),
        device_id: changed.device_id.map(DeviceId),
        created_at: newest.created_at,
        enrollment: newest.clone().into_enrollment()?,
    };
    let marker = event.marker(workspace, origin, changed.event_id);
    Ok((Some(deleted), Effect::Marked(marker)))
}

/// Replaces the enrolment `$15` of the serial number `$13`, and deletes its other enrolments.
static REPLACE: LazyLock<String> = LazyLock::new(|| {
    let assignments = assignments(EnrollmentColumns::NAMES, FIRST_PARAMETER + 4);
    change_sql(&format!(
        "UPDATE devices_mdm SET {assignments}, serial_number = $16, serial_number_folded = $13, \
             updated_at = $14 \
         WHERE devices_mdm.workspace_id = $1 AND devices_mdm.id = $15 RETURNING devices_mdm.id \
         ), older AS ( \
             UPDATE devices_mdm AS older SET deleted_at = $14, updated_at = $14 \
             WHERE older.workspace_id = $1 AND older.serial_number_folded = $13 \
               AND older.deleted_at IS NULL AND older.id <> $15"
    ))
});

/// Deletes the enrolments of the serial number `$13`.
static DELETE: LazyLock<String> = LazyLock::new(|| {
    change_sql(
        "UPDATE devices_mdm SET deleted_at = $14, updated_at = $14 \
         WHERE devices_mdm.workspace_id = $1 AND devices_mdm.serial_number_folded = $13 \
           AND devices_mdm.deleted_at IS NULL RETURNING devices_mdm.id",
    )
});

/// Returns a statement that changes enrolments at the time `$14` and returns a [`Changed`].
fn change_sql(change: &str) -> String {
    with_event_at(
        "$14",
        change,
        &format!(
            "SELECT {EVENT_ID} AS event_id, ( \
                 SELECT devices.id FROM devices WHERE devices.workspace_id = $1 \
                   AND devices.serial_number_folded = $13 AND devices.deleted_at IS NULL LIMIT 1 \
             ) AS device_id"
        ),
    )
}

/// Event of a change, and the active device with the serial number.
#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = BigInt)]
    event_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    device_id: Option<i64>,
}

/// The active enrolments of a serial number.
struct LockedEnrollments {
    /// Newest first.
    rows: Vec<EnrollmentRow>,
    /// Time of the change that this transaction makes.
    next_updated_at: DateTime<Utc>,
}

/// Reads the active enrolments of a folded serial number. Until the transaction ends, no other
/// transaction changes them or adds one: the advisory lock also covers a serial number without any
/// row.
fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    folded: &str,
) -> QueryResult<LockedEnrollments> {
    prepared("SELECT pg_advisory_xact_lock(hashtextextended('enrolment ' || $2, $1))")
        .bind::<BigInt, _>(workspace.0)
        .bind::<Text, _>(folded)
        .execute(connection)?;
    let active: Vec<(EnrollmentRow, DateTime<Utc>, DateTime<Utc>)> = active(workspace, folded)
        .select((
            EnrollmentRow::as_select(),
            devices_mdm::updated_at,
            clock_timestamp(),
        ))
        .load(connection)?;
    let times = active
        .iter()
        .map(|(_, updated_at, now)| next_updated_at(*now, *updated_at));
    Ok(LockedEnrollments {
        // Without enrolments, nothing is updated.
        next_updated_at: times.max().unwrap_or_default(),
        rows: active.into_iter().map(|(row, ..)| row).collect(),
    })
}
