//! Changes of enrolments, each with its audit event.

use devices_domain::{
    Action, EnrollmentId, EnrollmentReport, Origin, RepositoryError, SerialNumber,
    StoredEnrollment, Subject, WorkspaceId,
};
use diesel::dsl::now;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text};

use super::row::{EnrollmentColumns, EnrollmentRow};
use super::select::with_devices;
use crate::postgres::audit_events::NewEvent;
use crate::postgres::schema::tables::devices_mdm;
use crate::postgres::transaction::run::{Effect, Failure};

/// Creates the enrolment of a serial number, or replaces its newest enrolment and deletes the older
/// ones. Returns the enrolment, and whether it was created.
///
/// A report that changes nothing writes no audit event.
pub(crate) fn put(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    report: &EnrollmentReport,
) -> Result<((StoredEnrollment, bool), Effect), Failure<RepositoryError>> {
    let mut rows = lock(connection, workspace, &report.serial_number)?.into_iter();
    let newest = rows.next();
    let older: Vec<i64> = rows.map(|row| row.id).collect();
    let has_older = !older.is_empty();
    delete_rows(connection, workspace, older)?;
    let serial_number = (
        devices_mdm::serial_number.eq(report.serial_number.as_str()),
        devices_mdm::serial_number_folded.eq(report.serial_number.folded()),
    );
    let columns = EnrollmentColumns::from_fields(&report.fields);
    let is_new = newest.is_none();
    let (row, action, changed_fields): (EnrollmentRow, _, _) = match newest {
        None => {
            let values = (
                devices_mdm::workspace_id.eq(workspace.0),
                serial_number,
                columns,
            );
            let row = diesel::insert_into(devices_mdm::table)
                .values(values)
                .returning(EnrollmentRow::as_returning())
                .get_result(connection)?;
            (row, Action::Created, Vec::new())
        }
        Some(before) => {
            let row = diesel::update(devices_mdm::table.find((workspace.0, before.id)))
                .set((serial_number, columns))
                .returning(EnrollmentRow::as_returning())
                .get_result(connection)?;
            let mut changed_fields = Vec::new();
            if before.serial_number != row.serial_number {
                changed_fields.push("serial_number");
            }
            let before = before.into_enrollment()?.fields;
            changed_fields.extend(before.changed_field_names(&report.fields));
            (row, Action::Updated, changed_fields)
        }
    };
    let mut effect = Effect::None;
    if is_new || has_older || !changed_fields.is_empty() {
        let subject = Subject::Enrollment(EnrollmentId(row.id));
        let event = NewEvent::new(action, subject).with_fields(changed_fields);
        effect = Effect::Marked(event.insert(connection, workspace, &report.origin)?);
    }
    let stored = with_devices(connection, workspace, vec![row])?;
    let stored = stored.into_iter().next().ok_or(DieselError::NotFound)?;
    Ok(((stored, is_new), effect))
}

/// Deletes the enrolments of a serial number. Returns the newest of them as it was, or `None` if
/// there is none.
pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_number: &SerialNumber,
    origin: &Origin,
) -> Result<(Option<StoredEnrollment>, Effect), Failure<RepositoryError>> {
    let rows = lock(connection, workspace, serial_number)?;
    let Some(newest) = rows.first().map(|row| row.id) else {
        return Ok((None, Effect::None));
    };
    let mut enrollments = with_devices(connection, workspace, rows)?;
    let ids = enrollments.iter().map(|stored| stored.enrollment.id.0);
    delete_rows(connection, workspace, ids.collect())?;
    let subject = Subject::Enrollment(EnrollmentId(newest));
    let event = NewEvent::new(Action::Deleted, subject);
    let marker = event.insert(connection, workspace, origin)?;
    let deleted = enrollments.swap_remove(0);
    Ok((Some(deleted), Effect::Marked(marker)))
}

/// Reads the active enrolments of a serial number, newest first. Until the transaction ends, no
/// other transaction changes them or adds one: the advisory lock also covers a serial number
/// without any row.
fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_number: &SerialNumber,
) -> QueryResult<Vec<EnrollmentRow>> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('enrolment ' || $2, $1))")
        .bind::<BigInt, _>(workspace.0)
        .bind::<Text, _>(serial_number.folded())
        .execute(connection)?;
    devices_mdm::table
        .filter(devices_mdm::workspace_id.eq(workspace.0))
        .filter(devices_mdm::serial_number_folded.eq(serial_number.folded()))
        .filter(devices_mdm::deleted_at.is_null())
        .order((devices_mdm::created_at.desc(), devices_mdm::id.desc()))
        .select(EnrollmentRow::as_select())
        .load(connection)
}

fn delete_rows(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<i64>,
) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let rows = devices_mdm::table
        .filter(devices_mdm::workspace_id.eq(workspace.0))
        .filter(devices_mdm::id.eq_any(ids));
    diesel::update(rows)
        .set(devices_mdm::deleted_at.eq(now))
        .execute(connection)?;
    Ok(())
}
