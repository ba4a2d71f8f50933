//! Filters of device lists, in SQL.

use devices_domain::{ClientStatus, DeviceFilter, Lifecycle, PageRequest, WorkspaceId};

use super::terms;
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::search_sql::SearchSql;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::usage_counts::Resource;

/// Returns the query for a page of a workspace's devices that match a filter.
pub(crate) fn list(
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    paging: PageRequest,
) -> PagedQuery {
    let query = all(workspace, filter).with_term_queries(terms::queries(workspace, filter, paging));
    if *filter == DeviceFilter::default() {
        query.with_count(workspace, Resource::Devices)
    } else {
        query
    }
}

/// Returns the query for a workspace's devices that match a filter.
pub(crate) fn all(workspace: WorkspaceId, filter: &DeviceFilter) -> PagedQuery {
    let mut from = Statement::default();
    let workspace = from.bind(Value::Integer(workspace.0));
    let search = filter.search.as_ref();
    let search = search.map(|search| SearchSql::new(search, &mut from));
    let (table, id) = match &search {
        None => {
            from.push(&format!(
                " FROM devices WHERE devices.workspace_id = {workspace}"
            ));
            ("devices", "devices.id")
        }
        Some(search) => {
            let needs_devices = needs_devices(filter);
            from.push(&search_from(&workspace, search, needs_devices));
            ("found", "found.device_id")
        }
    };
    push_conditions(&mut from, filter, table);
    PagedQuery::new(from, id).with_rank(search.map(|search| rank(&search)))
}

/// Returns whether a search with this filter reads the devices. Search documents repeat the
/// assignee and whether the device is archived, so that most searches need not.
fn needs_devices(filter: &DeviceFilter) -> bool {
    let DeviceFilter {
        search: _,
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
    type_.is_some()
        || serial_number.is_some()
        || asset_tag.is_some()
        || category.is_some()
        || updated_since.is_some()
        || !tags.is_empty()
        || !attributes.is_empty()
        || !matches!(client_status, None | Some(ClientStatus::Archived))
}

/// Returns the FROM and WHERE clauses for the devices that match a search: search documents with
/// the alias `found`, joined with `devices` if `needs_devices`.
fn search_from(workspace: &str, search: &SearchSql, needs_devices: bool) -> String {
    let condition = search.device_condition();
    if needs_devices {
        // `MATERIALIZED` makes the search run first and once. The planner would otherwise scan all
        // devices (ADR 7).
        format!(
            " FROM (WITH found AS MATERIALIZED ( \
                 SELECT * FROM searchable_devices AS found \
                 WHERE found.workspace_id = {workspace} AND {condition}) \
               SELECT * FROM found) AS found \
             JOIN devices ON devices.workspace_id = {workspace} \
                         AND devices.id = found.device_id \
             WHERE true"
        )
    } else {
        format!(
            " FROM searchable_devices AS found \
             WHERE found.workspace_id = {workspace} AND {condition}"
        )
    }
}

/// Appends the conditions of a filter other than its search. `table` is `devices` or `found`.
pub(super) fn push_conditions(from: &mut Statement, filter: &DeviceFilter, table: &str) {
    let DeviceFilter {
        search: _,
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
    // No index has types, categories, tags and attributes: the module `terms` finds rare ones.
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

/// Returns the rank of a found device: that of its own document plus that of its assignee's.
fn rank(search: &SearchSql) -> String {
    format!(
        "({} + coalesce((SELECT {} FROM users WHERE users.workspace_id = $1 \
                         AND users.id = found.user_id), 0))::real",
        search.rank("found.document"),
        search.rank("users.search_document"),
    )
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
