//! Reads devices with their assignees and enrolments.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use devices_domain::{
    Assignee, Device, DeviceFilter, DeviceId, Enrollment, Page, PageRequest, Search, StoredDevice,
    UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::columns::DeviceRow;
use super::{filter, search};
use crate::postgres::enrollments;
use crate::postgres::query::statement::{IdRow, Statement, Value};
use crate::postgres::schema::tables::devices;
use crate::postgres::users;

/// A row of `devices` with its timestamps.
#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
pub(crate) struct StoredRow {
    #[diesel(embed)]
    pub(crate) row: DeviceRow<'static>,
    created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// Loads devices in the order of `ids`, which must not contain duplicates. Skips unknown ids.
pub(crate) fn load(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: &[i64],
) -> QueryResult<Vec<StoredDevice>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<StoredRow> = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::id.eq_any(ids))
        .select(StoredRow::as_select())
        .load(connection)?;
    let mut devices: HashMap<i64, StoredDevice> = with_relations(connection, workspace, rows)?
        .into_iter()
        .map(|stored| (stored.device.id.0, stored))
        .collect();
    Ok(ids.iter().filter_map(|id| devices.remove(id)).collect())
}

/// Adds the assignees and the enrolments of devices, each with one statement.
fn with_relations(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<StoredRow>,
) -> QueryResult<Vec<StoredDevice>> {
    let assignees = rows.iter().filter_map(|stored| stored.row.user_id);
    let assignees = users::assignees(connection, workspace, assignees.map(UserId).collect())?;
    // Another device may have the serial number of an archived device by now.
    let active = rows.iter().filter(|stored| stored.deleted_at.is_none());
    let serial_numbers = active.filter_map(|stored| stored.row.serial_number_folded.as_ref());
    let enrollments = enrollments::newest(connection, workspace, serial_numbers)?;
    rows.into_iter()
        .map(|row| stored_device(row, &assignees, &enrollments))
        .collect()
}

fn stored_device(
    stored: StoredRow,
    assignees: &HashMap<UserId, Assignee>,
    enrollments: &HashMap<String, Enrollment>,
) -> QueryResult<StoredDevice> {
    let StoredRow {
        row,
        created_at,
        updated_at,
        deleted_at: archived_at,
    } = stored;
    let enrollment = row
        .serial_number_folded
        .as_deref()
        .filter(|_| archived_at.is_none())
        .and_then(|serial| enrollments.get(serial).cloned());
    let assignee = row
        .user_id
        .and_then(|user| assignees.get(&UserId(user)).cloned());
    Ok(StoredDevice {
        assignee,
        created_at,
        updated_at,
        archived_at,
        device: Device {
            id: DeviceId(row.id),
            enrollment,
            fields: row.into_fields()?,
        },
    })
}

/// Lists a page of the devices that match the filter.
pub(crate) fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    page: PageRequest,
) -> QueryResult<Page<StoredDevice>> {
    let page = list_ids(connection, workspace, filter, page)?;
    let devices = load(connection, workspace, &page.items)?;
    Ok(page.with_items(devices))
}

/// Like [`list`], but returns the ids only.
pub(crate) fn list_ids(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    page: PageRequest,
) -> QueryResult<Page<i64>> {
    match &filter.search {
        Some(search) => search::page(connection, workspace, filter, search, page),
        None => filter::list(workspace, filter, page).page(connection, page),
    }
}

/// Lists the first `max` devices that match the filter and have an id greater than `after`, by
/// ascending id.
pub(crate) fn list_by_id(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    after: Option<DeviceId>,
    max: u32,
) -> QueryResult<Vec<StoredDevice>> {
    let ids = match &filter.search {
        Some(search) => search::ids_after(connection, workspace, filter, search, after, max)?,
        None => ids_after(connection, workspace, filter, after, max)?,
    };
    load(connection, workspace, &ids)
}

/// Like [`list_by_id`], for a filter without a search. Returns the ids only.
fn ids_after(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    after: Option<DeviceId>,
    max: u32,
) -> QueryResult<Vec<i64>> {
    let (from, id) = filter::all(workspace, filter).into_parts();
    let mut statement = Statement::default();
    statement.push(&format!("SELECT {id} AS id")).append(from);
    let after = statement.bind(Value::Integer(after.map_or(0, |device| device.0)));
    let max = statement.bind(Value::Integer(max.into()));
    statement.push(&format!(" AND {id} > {after} ORDER BY {id} LIMIT {max}"));
    let rows: Vec<IdRow> = statement.load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Text)]
    key: String,
}

/// Returns the distinct keys of the attributes of the devices that match the filter, which has no
/// search. Returns at most `max` of them.
pub(crate) fn attribute_keys(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    max: usize,
) -> QueryResult<Vec<String>> {
    let (from, id) = filter::all(workspace, filter).into_parts();
    let mut listed = Statement::default();
    listed.push(&format!("SELECT {id} AS id")).append(from);
    keys_of_attributes(connection, listed, max)
}

/// Attribute keys of a part of the devices that a search matches.
pub(crate) struct FoundKeys {
    pub(crate) keys: Vec<String>,
    /// The last of these devices, if more may follow.
    pub(crate) last: Option<DeviceId>,
}

/// Returns the distinct keys of the attributes of some thousand devices after a device that match
/// the filter and its search. Returns at most `max` of them.
pub(crate) fn attribute_keys_after(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    search: &Search,
    after: Option<DeviceId>,
    max: usize,
) -> QueryResult<FoundKeys> {
    const MAX_DEVICES: u32 = 5_000;
    let ids = search::ids_after(connection, workspace, filter, search, after, MAX_DEVICES)?;
    let has_more = ids.len() == MAX_DEVICES as usize;
    let last = ids.last().filter(|_| has_more).map(|id| DeviceId(*id));
    let mut found = Statement::default();
    found.bind(Value::Integer(workspace.0));
    let ids = found.bind(Value::Integers(ids));
    found.push(&format!("SELECT unnest({ids}) AS id"));
    let keys = keys_of_attributes(connection, found, max)?;
    Ok(FoundKeys { keys, last })
}

/// Returns the distinct keys of the attributes of devices, sorted by their bytes. `listed` selects
/// their ids. Its `$1` is the workspace.
fn keys_of_attributes(
    connection: &mut PgConnection,
    listed: Statement,
    max: usize,
) -> QueryResult<Vec<String>> {
    let mut statement = Statement::default();
    statement
        .push("SELECT DISTINCT attribute.key FROM (")
        .append(listed);
    let max = statement.bind(Value::Integer(max.try_into().unwrap_or(i64::MAX)));
    statement.push(&format!(
        ") AS listed \
         JOIN devices AS owner ON owner.workspace_id = $1 AND owner.id = listed.id \
         CROSS JOIN LATERAL jsonb_object_keys(owner.attributes) AS attribute (key) \
         WHERE owner.attributes IS NOT NULL LIMIT {max}"
    ));
    let rows: Vec<KeyRow> = statement.load(connection)?;
    let mut keys: Vec<String> = rows.into_iter().map(|row| row.key).collect();
    keys.sort_unstable();
    Ok(keys)
}
