//! Reads devices with their assignees and enrolments.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use devices_domain::{
    Device, DeviceFilter, DeviceId, Page, PageRequest, Search, StoredDevice, WorkspaceId,
};
use diesel::dsl::SqlTypeOf;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::columns::DeviceRow;
use super::{filter, search};
use crate::postgres::enrollments::EnrollmentRow;
use crate::postgres::query::list_size::ListSize;
use crate::postgres::query::positional::{Positional, column_list};
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::statement::{IdRow, Statement, Value};
use crate::postgres::schema::tables::devices;
use crate::postgres::users::AssigneeRow;

/// A row of `devices` with its timestamps.
#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
pub(crate) struct StoredRow {
    #[diesel(embed)]
    pub(crate) row: DeviceRow<'static>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// SQL type of a row struct.
pub(super) type RowSql<T> = SqlTypeOf<<T as Selectable<Pg>>::SelectExpression>;

/// The user and the enrolment of a device, if it has them.
pub(super) type Relations = (Option<AssigneeRow>, Option<EnrollmentRow>);

/// SQL type of [`Relations`].
pub(super) type RelationsSql = (
    Nullable<RowSql<AssigneeRow>>,
    Nullable<RowSql<EnrollmentRow>>,
);

/// Returns the columns of [`Relations`], and the joins that select them for each row of the FROM
/// clause: the user with the id `user`, and the newest enrolment of the folded serial number
/// `serial_number`, drafts excluded. `$1` is the workspace.
///
/// The user may be deleted: an archived device keeps its assignee. An active device has no deleted
/// assignee, because a user with active devices is not deleted.
pub(super) fn relations(user: &str, serial_number: &str) -> (String, String) {
    let assignee = column_list::<AssigneeRow>();
    let enrollment = column_list::<EnrollmentRow>();
    // Each LATERAL subquery with LIMIT 1 probes an index once per device. The planner could choose
    // to read all users or enrolments of the workspace for a plain join.
    let joins = format!(
        " LEFT JOIN LATERAL ( \
             SELECT {assignee} FROM users \
             WHERE users.workspace_id = $1 AND users.id = {user} LIMIT 1 \
         ) AS users ON true \
         LEFT JOIN LATERAL ( \
             SELECT {enrollment} FROM devices_mdm \
             WHERE devices_mdm.workspace_id = $1 \
               AND devices_mdm.serial_number_folded = {serial_number} \
               AND devices_mdm.deleted_at IS NULL AND devices_mdm.status <> 'DRAFT' \
             ORDER BY devices_mdm.created_at DESC, devices_mdm.id DESC LIMIT 1 \
         ) AS devices_mdm ON true"
    );
    (format!("{assignee}, {enrollment}"), joins)
}

/// Statements that select the devices `$2` of the workspace `$1` with their relations. The index is
/// the [`ListSize`] of `$2`.
static SELECT: LazyLock<[String; ListSize::ALL.len()]> = LazyLock::new(|| {
    let device = column_list::<StoredRow>();
    // Another device may have the serial number of an archived device by now.
    let serial_number =
        "CASE WHEN devices.deleted_at IS NULL THEN devices.serial_number_folded END";
    let (relations, joins) = relations("devices.user_id", serial_number);
    ListSize::ALL.map(|size| {
        let requested = size.rows(&[("id", "$2")]);
        format!(
            "SELECT {device}, {relations} FROM {requested} \
             CROSS JOIN LATERAL ( \
                 SELECT {device} FROM devices \
                 WHERE devices.workspace_id = $1 AND devices.id = requested.id LIMIT 1 \
             ) AS devices{joins}"
        )
    })
});

/// Loads devices in the order of `ids`, which must not contain duplicates. Skips unknown ids.
///
/// One statement reads devices, assignees and enrolments, so it needs no transaction to see them at
/// the same instant.
pub(crate) fn load(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    ids: &[i64],
) -> QueryResult<Vec<StoredDevice>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let size = ListSize::for_length(ids.len());
    let select = prepared(&SELECT[size as usize])
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(ids);
    let select: Positional<'_, (RowSql<StoredRow>, RelationsSql)> = Positional::new(select);
    let rows: Vec<(StoredRow, Relations)> = select.load(connection)?;
    let rows = rows.into_iter();
    let devices = rows.map(|(stored, relations)| stored_device(stored, relations));
    let mut devices: Vec<StoredDevice> = devices.collect::<QueryResult<_>>()?;
    // PostgreSQL usually returns them in this order, but does not have to.
    let is_in_order = devices.len() == ids.len()
        && devices
            .iter()
            .zip(ids)
            .all(|(stored, id)| stored.device.id.0 == *id);
    if !is_in_order {
        let positions: HashMap<i64, usize> = ids.iter().copied().zip(0..).collect();
        devices.sort_by_key(|stored| positions.get(&stored.device.id.0).copied());
    }
    Ok(devices)
}

/// Loads a device. Returns `None` for an unknown id.
pub(crate) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    device: DeviceId,
) -> QueryResult<Option<StoredDevice>> {
    Ok(load(connection, workspace, &[device.0])?.pop())
}

fn stored_device(stored: StoredRow, relations: Relations) -> QueryResult<StoredDevice> {
    let (assignee, enrollment) = relations;
    Ok(StoredDevice {
        assignee: assignee.map(AssigneeRow::into_assignee),
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        archived_at: stored.deleted_at,
        device: Device {
            id: DeviceId(stored.row.id),
            enrollment: enrollment.map(EnrollmentRow::into_enrollment).transpose()?,
            fields: stored.row.into_fields()?,
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
struct SerialNumberRow {
    #[diesel(sql_type = Text)]
    serial_number: String,
}

/// Returns those of the folded serial numbers, which must not contain duplicates, that active
/// devices have.
pub(crate) fn known_serial_numbers(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    wanted: &[String],
) -> QueryResult<HashSet<String>> {
    // LATERAL with LIMIT probes the unique index once for each.
    let rows: Vec<SerialNumberRow> = prepared(
        "SELECT wanted.serial_number FROM unnest($2) AS wanted (serial_number) \
         CROSS JOIN LATERAL ( \
             SELECT devices.id FROM devices \
             WHERE devices.workspace_id = $1 \
               AND devices.serial_number_folded = wanted.serial_number \
               AND devices.deleted_at IS NULL LIMIT 1) AS known",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(wanted)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.serial_number).collect())
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
