//! Filters of device lists, in SQL.

use devices_domain::{BatchId, ClientStatus, DeviceFilter, Lifecycle, PageRequest, WorkspaceId};

use super::value_filter;
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::usage_counts::Resource;

/// Returns the query for a page of a workspace's devices that match a filter.
pub(crate) fn list(
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    paging: PageRequest,
) -> PagedQuery {
    let search_index = value_filter::queries(workspace, filter, paging);
    let query = all(workspace, filter).with_search_index(search_index);
    if *filter == DeviceFilter::default() {
        query.with_count(workspace, Resource::Devices)
    } else {
        query
    }
}

/// Returns the query for a workspace's devices that match a filter without a search.
pub(crate) fn all(workspace: WorkspaceId, filter: &DeviceFilter) -> PagedQuery {
    let mut from = Statement::default();
    let workspace = from.bind(Value::Integer(workspace.0));
    match filter.batch {
        Some(batch) => {
            let created = created_by(&mut from, batch);
            // LATERAL with LIMIT probes the primary key for each. In the order of the ids, the
            // planner would otherwise read all newer devices.
            from.push(&format!(
                " FROM ({created}) AS created (id) CROSS JOIN LATERAL ( \
                     SELECT * FROM devices AS candidate \
                     WHERE candidate.workspace_id = {workspace} AND candidate.id = created.id \
                     LIMIT 1) AS devices"
            ));
        }
        None => {
            from.push(" FROM devices");
        }
    }
    from.push(&format!(" WHERE devices.workspace_id = {workspace}"));
    let others = DeviceFilter {
        batch: None,
        ..filter.clone()
    };
    push_conditions(&mut from, &others, "devices");
    PagedQuery::new(from, "devices.id")
}

/// Returns the SELECT of the ids of the devices that a batch of the workspace `$1` created. A
/// number that no batch has selects none.
fn created_by(statement: &mut Statement, batch: BatchId) -> String {
    let batch = statement.bind(Value::Integer(batch.0));
    format!(
        "SELECT unnest(device_events.device_ids) FROM device_events \
         WHERE device_events.workspace_id = $1 AND device_events.id = {batch} \
           AND device_events.action = 'CREATED'"
    )
}

/// Returns whether a search with this filter reads the devices. Search documents repeat the
/// assignee and whether the device is archived, so that most searches need not.
pub(super) fn needs_devices(filter: &DeviceFilter) -> bool {
    let DeviceFilter {
        search: _,
        batch,
        user: _,
        client_status,
        serial_number,
        type_,
        category,
        updated_since,
        asset_tag,
        tags,
        attributes,
    } = filter;
    batch.is_some()
        || type_.is_some()
        || serial_number.is_some()
        || asset_tag.is_some()
        || category.is_some()
        || updated_since.is_some()
        || !tags.is_empty()
        || !attributes.is_empty()
        || !matches!(client_status, None | Some(ClientStatus::Archived))
}

/// Returns whether an index finds the devices that match this filter, if they are few.
pub(super) fn has_device_index(filter: &DeviceFilter) -> bool {
    filter.batch.is_some()
        || filter.serial_number.is_some()
        || filter.asset_tag.is_some()
        || filter.updated_since.is_some()
        || matches!(
            filter.client_status,
            Some(ClientStatus::InMaintenance | ClientStatus::OutOfService)
        )
}

/// Appends the conditions of a filter other than its search. `$1` is the workspace. `table` is
/// `devices`, or `found` for the search documents.
pub(super) fn push_conditions(from: &mut Statement, filter: &DeviceFilter, table: &str) {
    let DeviceFilter {
        search: _,
        batch,
        user,
        client_status,
        serial_number,
        type_,
        category,
        updated_since,
        asset_tag,
        tags,
        attributes,
    } = filter;
    from.push(" AND ").push(&has_status(*client_status, table));
    if let Some(batch) = batch {
        let created = created_by(from, *batch);
        from.push(&format!(" AND devices.id = ANY (ARRAY({created}))"));
    }
    if let Some(user) = user {
        from.push_and_equal(&format!("{table}.user_id"), Value::Integer(user.0));
    }
    for (column, key) in [
        ("devices.serial_number_folded", serial_number),
        ("devices.asset_tag_folded", asset_tag),
    ] {
        if let Some(key) = key {
            from.push_and_identifier(column, key);
        }
    }
    for (column, text) in [
        ("coalesce(devices.type_folded, devices.type)", type_),
        (
            "coalesce(devices.category_folded, devices.category)",
            category,
        ),
    ] {
        if let Some(text) = text {
            from.push_and_equal(column, Value::Text(text.clone()));
        }
    }
    from.push_and_since("devices.updated_at", *updated_since);
    // No index has types, categories, tags and attributes: `value_filter` finds rare ones.
    let tags: Vec<String> = tags
        .iter()
        .map(|tag| from.bind(Value::Text(tag.clone())))
        .collect();
    if !tags.is_empty() {
        from.push(&format!(" AND devices.tags @> ARRAY[{}]", tags.join(", ")));
    }
    for (key, value) in attributes {
        let key = from.bind(Value::Text(key.clone()));
        let attribute = format!("devices.attributes ->> {key}");
        from.push_and_equal(&attribute, Value::Text(value.clone()));
    }
}

/// Returns the condition for a status, as [`ClientStatus::of`] computes it. A test compares the two
/// for all combinations.
///
/// `table` is `devices`, or `found` for search documents, which have a column `is_archived`.
fn has_status(status: Option<ClientStatus>, table: &str) -> String {
    let (active, archived) = if table == "devices" {
        (
            "devices.deleted_at IS NULL",
            "devices.deleted_at IS NOT NULL",
        )
    } else {
        ("NOT found.is_archived", "found.is_archived")
    };
    let has_lifecycle =
        |lifecycle: Lifecycle| format!("{active} AND devices.lifecycle = '{}'", lifecycle.as_str());
    match status {
        None => active.to_owned(),
        Some(ClientStatus::Archived) => archived.to_owned(),
        Some(ClientStatus::InMaintenance) => has_lifecycle(Lifecycle::InMaintenance),
        Some(ClientStatus::OutOfService) => has_lifecycle(Lifecycle::OutOfService),
        Some(ClientStatus::InService) => {
            format!("{active} AND devices.lifecycle IS NULL AND devices.user_id IS NOT NULL")
        }
        Some(ClientStatus::Available) => {
            format!("{active} AND devices.lifecycle IS NULL AND devices.user_id IS NULL")
        }
        // All devices here are external (`Source::External`), and never have these statuses.
        Some(
            ClientStatus::PendingValidation
            | ClientStatus::InPreparation
            | ClientStatus::Delivered
            | ClientStatus::Shipped,
        ) => "false".to_owned(),
    }
}
