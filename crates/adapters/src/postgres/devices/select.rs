//! Devices as they are read: with their assignees and enrolments.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use devices_domain::{
    Assignee, Device, DeviceFilter, DeviceId, Page, PageRequest, StoredDevice, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use crate::postgres::devices::columns::DeviceRow;
use crate::postgres::devices::filter;
use crate::postgres::enrollments;
use crate::postgres::query::statement::{IdRow, Statement, Value};
use crate::postgres::schema::tables::devices;
use crate::postgres::users;

/// A row with the instants at which it was created, changed and archived.
#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
pub(crate) struct ReadRow {
    #[diesel(embed)]
    pub(crate) row: DeviceRow<'static>,
    created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// The devices of these numbers, in the order of the numbers, which are each given once.
pub(crate) fn load(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: &[i64],
) -> QueryResult<Vec<StoredDevice>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<ReadRow> = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::id.eq_any(ids))
        .select(ReadRow::as_select())
        .load(connection)?;
    let mut devices: HashMap<i64, StoredDevice> = complete(connection, workspace, rows)?
        .into_iter()
        .map(|device| (device.device.id.0, device))
        .collect();
    Ok(ids.iter().filter_map(|id| devices.remove(id)).collect())
}

/// What is told of the devices in these rows.
pub(crate) fn complete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<ReadRow>,
) -> QueryResult<Vec<StoredDevice>> {
    let assignees = rows.iter().filter_map(|read| read.row.user_id);
    let assignees = users::assignees(connection, workspace, assignees.map(UserId).collect())?;
    // An archived device's serial number may be another's by now.
    let living = rows.iter().filter(|read| read.deleted_at.is_none());
    let serial_numbers = living.filter_map(|read| read.row.serial_number_folded.as_ref());
    let enrollments = enrollments::newest(connection, workspace, serial_numbers)?;
    rows.into_iter()
        .map(|row| complete_one(row, &assignees, &enrollments))
        .collect()
}

fn complete_one(
    read: ReadRow,
    assignees: &HashMap<UserId, Assignee>,
    enrollments: &HashMap<String, devices_domain::Enrollment>,
) -> QueryResult<StoredDevice> {
    let ReadRow {
        mut row,
        created_at,
        updated_at,
        deleted_at: archived_at,
    } = read;
    let serial_number = row.serial_number_folded.as_deref();
    let enrollment = serial_number.filter(|_| archived_at.is_none());
    let assignee = row
        .user_id
        .and_then(|user| assignees.get(&UserId(user)).cloned());
    // An archived device may have been given to a user who is no more.
    row.user_id = row.user_id.filter(|_| assignee.is_some());
    Ok(StoredDevice {
        assignee,
        created_at,
        updated_at,
        archived_at,
        device: Device {
            id: DeviceId(row.id),
            enrollment: enrollment.and_then(|serial| enrollments.get(serial).cloned()),
            fields: row.into_fields()?,
        },
    })
}

pub(crate) fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    paging: PageRequest,
) -> QueryResult<Page<StoredDevice>> {
    let page = filter::list(workspace, filter).page(connection, paging)?;
    Ok(Page {
        items: load(connection, workspace, &page.items)?,
        total: page.total,
        next: page.next,
    })
}

pub(crate) fn next(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    after: Option<DeviceId>,
    most: u32,
) -> QueryResult<Vec<StoredDevice>> {
    let list = filter::list(workspace, filter);
    let mut statement = Statement::default();
    let id = list.id;
    statement
        .push(&format!("SELECT {id} AS id"))
        .append(list.from);
    let after = statement.bind(Value::Integer(after.map_or(0, |device| device.0)));
    let most = statement.bind(Value::Integer(most.into()));
    statement.push(&format!(" AND {id} > {after} ORDER BY {id} LIMIT {most}"));
    let ids: Vec<IdRow> = statement.load(connection)?;
    let ids: Vec<i64> = ids.into_iter().map(|found| found.id).collect();
    load(connection, workspace, &ids)
}
