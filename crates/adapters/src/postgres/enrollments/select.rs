//! Reads enrolments.

use std::collections::HashMap;

use devices_domain::{
    DeviceId, Enrollment, EnrollmentFilter, IdentifierKey, Page, PageRequest, SerialNumber,
    StoredEnrollment, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::row::EnrollmentRow;
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::schema::tables::{devices, devices_mdm};
use crate::postgres::usage_counts::Resource;

/// Returns the newest active enrolment of each of these folded serial numbers. Drafts do not count.
pub(crate) fn newest(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_numbers: impl Iterator<Item = impl AsRef<str>>,
) -> QueryResult<HashMap<String, Enrollment>> {
    let serial_numbers: Vec<String> = serial_numbers
        .map(|serial| serial.as_ref().to_owned())
        .collect();
    if serial_numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<EnrollmentRow> = diesel::sql_query(
        "SELECT newest.* FROM unnest($2) AS requested (serial_number_folded) \
         CROSS JOIN LATERAL ( \
             SELECT * FROM devices_mdm \
             WHERE devices_mdm.workspace_id = $1 \
               AND devices_mdm.serial_number_folded = requested.serial_number_folded \
               AND devices_mdm.deleted_at IS NULL \
               AND devices_mdm.status <> 'DRAFT' \
             ORDER BY devices_mdm.created_at DESC, devices_mdm.id DESC \
             LIMIT 1 \
         ) AS newest",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(serial_numbers)
    .load(connection)?;
    rows.into_iter()
        .map(|row| Ok((row.serial_number_folded.clone(), row.into_enrollment()?)))
        .collect()
}

/// Selects the active enrolments of a folded serial number, newest first.
#[diesel::dsl::auto_type(no_type_alias)]
pub(super) fn active<'a>(workspace: WorkspaceId, folded: &'a str) -> _ {
    let workspace: i64 = workspace.0;
    devices_mdm::table
        .filter(devices_mdm::workspace_id.eq(workspace))
        .filter(devices_mdm::serial_number_folded.eq(folded))
        .filter(devices_mdm::deleted_at.is_null())
        .order((devices_mdm::created_at.desc(), devices_mdm::id.desc()))
}

/// Finds the newest active enrolment of a serial number.
pub(crate) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_number: &IdentifierKey,
) -> QueryResult<Option<StoredEnrollment>> {
    let Some(folded) = serial_number.folded() else {
        return Ok(None);
    };
    let newest = active(workspace, folded).select(EnrollmentRow::as_select());
    let newest: Option<EnrollmentRow> = newest.first(connection).optional()?;
    Ok(with_devices(connection, workspace, newest.into_iter().collect())?.pop())
}

/// Lists a page of the active enrolments that match the filter.
pub(crate) fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &EnrollmentFilter,
    page: PageRequest,
) -> QueryResult<Page<StoredEnrollment>> {
    let EnrollmentFilter {
        linked,
        serial_number,
        updated_since,
    } = filter;
    let mut from = Statement::default();
    let workspace_id = from.bind(Value::Integer(workspace.0));
    from.push(&format!(
        " FROM devices_mdm WHERE devices_mdm.workspace_id = {workspace_id} \
           AND devices_mdm.deleted_at IS NULL"
    ));
    if let Some(linked) = linked {
        let not = if *linked { "" } else { "NOT " };
        from.push(&format!(
            " AND {not}EXISTS (SELECT FROM devices WHERE devices.workspace_id = {workspace_id} \
               AND devices.serial_number_folded = devices_mdm.serial_number_folded \
               AND devices.deleted_at IS NULL)"
        ));
    }
    if let Some(serial_number) = serial_number {
        from.push_and_identifier("devices_mdm.serial_number_folded", serial_number);
    }
    from.push_and_since("devices_mdm.updated_at", *updated_since);
    let mut list = PagedQuery::new(from, "devices_mdm.id").with_anti_join(*linked == Some(false));
    if *filter == EnrollmentFilter::default() {
        list = list.with_count(workspace, Resource::Enrollments);
    }
    let page = list.page(connection, page)?;
    let rows = devices_mdm::table
        .filter(devices_mdm::workspace_id.eq(workspace.0))
        .filter(devices_mdm::id.eq_any(&page.items))
        .order(devices_mdm::id.desc())
        .select(EnrollmentRow::as_select())
        .load(connection)?;
    Ok(page.with_items(with_devices(connection, workspace, rows)?))
}

/// Adds the active devices with the serial numbers of these enrolments.
pub(crate) fn with_devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<EnrollmentRow>,
) -> QueryResult<Vec<StoredEnrollment>> {
    let serial_numbers = rows.iter().map(|row| row.serial_number_folded.as_str());
    let devices: HashMap<Option<String>, i64> = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::serial_number_folded.eq_any(serial_numbers.collect::<Vec<_>>()))
        .filter(devices::deleted_at.is_null())
        .select((devices::serial_number_folded, devices::id))
        .load(connection)?
        .into_iter()
        .collect();
    let with_device = |row: EnrollmentRow| {
        let device = devices.get(&Some(row.serial_number_folded.clone()));
        Ok(StoredEnrollment {
            serial_number: SerialNumber::from_trusted(&row.serial_number),
            device_id: device.copied().map(DeviceId),
            created_at: row.created_at,
            enrollment: row.into_enrollment()?,
        })
    };
    rows.into_iter().map(with_device).collect()
}
