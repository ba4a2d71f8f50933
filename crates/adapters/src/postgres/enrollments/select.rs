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
use crate::postgres::query::list_size::ListSize;
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::prepared::{prepared, unprepared};
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::schema::tables::devices_mdm;
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
        .select(EnrollmentRow::as_select());
    let rows = unprepared(rows).load(connection)?;
    Ok(page.with_items(with_devices(connection, workspace, rows)?))
}

#[derive(QueryableByName)]
struct DeviceOfSerialNumber {
    #[diesel(sql_type = Text)]
    serial_number_folded: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// Adds the active devices with the serial numbers of these enrolments.
pub(crate) fn with_devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<EnrollmentRow>,
) -> QueryResult<Vec<StoredEnrollment>> {
    let serial_numbers: Vec<&str> = rows
        .iter()
        .map(|row| row.serial_number_folded.as_str())
        .collect();
    let size = ListSize::for_length(serial_numbers.len());
    let requested = size.rows(&[("serial_number_folded", "$2")]);
    // Probes the index once per serial number. For `= ANY`, the planner may read all devices of the
    // workspace if it believes that there are few.
    let devices: Vec<DeviceOfSerialNumber> = prepared(format!(
        "SELECT requested.serial_number_folded, device.id FROM {requested} \
         CROSS JOIN LATERAL ( \
             SELECT devices.id FROM devices WHERE devices.workspace_id = $1 \
               AND devices.serial_number_folded = requested.serial_number_folded \
               AND devices.deleted_at IS NULL LIMIT 1 \
         ) AS device"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(serial_numbers)
    .load(connection)?;
    let devices: HashMap<String, i64> = devices
        .into_iter()
        .map(|device| (device.serial_number_folded, device.id))
        .collect();
    let with_device = |row: EnrollmentRow| {
        let device = devices.get(&row.serial_number_folded);
        Ok(StoredEnrollment {
            serial_number: SerialNumber::from_trusted(&row.serial_number),
            device_id: device.copied().map(DeviceId),
            created_at: row.created_at,
            enrollment: row.into_enrollment()?,
        })
    };
    rows.into_iter().map(with_device).collect()
}
