//! Changes of enrolments, each with its audit event.

use devices_domain::{
    Action, EnrollmentId, EnrollmentReport, IdentifierKey, Origin, PutEnrollmentError,
    RepositoryError, StoredEnrollment, Subject, WorkspaceId,
};
use diesel::dsl::now;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text};

use super::row::{EnrollmentColumns, EnrollmentRow};
use super::select::{active, with_devices};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::query::updated_at::next_updated_at_sql;
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
    let mut rows = lock(connection, workspace, report.serial_number.folded())?.into_iter();
    let newest = rows.next();
    let older: Vec<i64> = rows.map(|row| row.id).collect();
    let is_new = newest.is_none();
    let added = i64::from(is_new) - older.len() as i64;
    let (row, event) = match newest {
        None => {
            if usage_counts::total(connection, workspace, Resource::Enrollments)? >= quota {
                return Err(Failure::Rejected(PutEnrollmentError::QuotaExceeded));
            }
            let row = insert(connection, workspace, report)?;
            let subject = Subject::Enrollment(EnrollmentId(row.id));
            (row, Some(NewEvent::new(Action::Created, subject)))
        }
        Some(before) => {
            let changed_fields = changed_fields(&before, report)?;
            if changed_fields.is_empty() && older.is_empty() {
                (before, None)
            } else {
                let row = replace(connection, workspace, before.id, report)?;
                let subject = Subject::Enrollment(EnrollmentId(row.id));
                let event = NewEvent::new(Action::Updated, subject);
                (row, Some(event.with_fields(changed_fields)))
            }
        }
    };
    delete_rows(connection, workspace, older)?;
    let effect = match event {
        Some(event) => {
            let event = event.with_usage(Resource::Enrollments, added);
            Effect::Marked(event.insert_change_event(connection, workspace, &report.origin)?)
        }
        None => Effect::None,
    };
    let stored = with_devices(connection, workspace, vec![row])?;
    let stored = stored.into_iter().next().ok_or(DieselError::NotFound)?;
    Ok(((stored, is_new), effect))
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

fn replace(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    enrollment: i64,
    report: &EnrollmentReport,
) -> QueryResult<EnrollmentRow> {
    diesel::update(devices_mdm::table.find((workspace.0, enrollment)))
        .set((
            devices_mdm::serial_number.eq(report.serial_number.as_str()),
            devices_mdm::serial_number_folded.eq(report.serial_number.folded()),
            devices_mdm::updated_at.eq(next_updated_at_sql()),
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
    let rows = lock(connection, workspace, folded)?;
    let Some(newest) = rows.first().map(|row| row.id) else {
        return Ok((None, Effect::None));
    };
    let mut enrollments = with_devices(connection, workspace, rows)?;
    let ids = enrollments.iter().map(|stored| stored.enrollment.id.0);
    delete_rows(connection, workspace, ids.collect())?;
    let subject = Subject::Enrollment(EnrollmentId(newest));
    let removed = enrollments.len() as i64;
    let event = NewEvent::new(Action::Deleted, subject);
    let event = event.with_usage(Resource::Enrollments, -removed);
    let marker = event.insert_change_event(connection, workspace, origin)?;
    let deleted = enrollments.swap_remove(0);
    Ok((Some(deleted), Effect::Marked(marker)))
}

/// Reads the active enrolments of a folded serial number, newest first. Until the transaction ends,
/// no other transaction changes them or adds one: the advisory lock also covers a serial number
/// without any row.
fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    folded: &str,
) -> QueryResult<Vec<EnrollmentRow>> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('enrolment ' || $2, $1))")
        .bind::<BigInt, _>(workspace.0)
        .bind::<Text, _>(folded)
        .execute(connection)?;
    active(connection, workspace, folded)
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
        .set((
            devices_mdm::deleted_at.eq(now),
            devices_mdm::updated_at.eq(next_updated_at_sql()),
        ))
        .execute(connection)?;
    Ok(())
}
