//! Filters of device lists, in SQL.

use devices_domain::{ClientStatus, DeviceFilter, Lifecycle, WorkspaceId};

use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::search_sql::SearchSql;
use crate::postgres::query::statement::{Statement, Value};

/// Returns the query for a workspace's devices that match a filter.
pub(crate) fn list(workspace: WorkspaceId, filter: &DeviceFilter) -> PagedQuery {
    let DeviceFilter {
        search,
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
    let mut from = Statement::default();
    let workspace = from.bind(Value::Integer(workspace.0));
    let search = search
        .as_ref()
        .map(|search| SearchSql::new(search, &mut from));
    // Search documents repeat the assignee and whether the device is archived, so that most
    // searches need not read the devices.
    let needs_devices = type_.is_some()
        || serial_number.is_some()
        || asset_tag.is_some()
        || category.is_some()
        || updated_since.is_some()
        || !tags.is_empty()
        || !attributes.is_empty()
        || !matches!(client_status, None | Some(ClientStatus::Archived));
    let (table, id) = match search {
        None => ("devices", "devices.id"),
        Some(_) => ("found", "found.device_id"),
    };
    match &search {
        None => from.push(&format!(
            " FROM devices WHERE devices.workspace_id = {workspace}"
        )),
        // `MATERIALIZED` makes the search run first and once. The planner would otherwise scan all
        // devices (ADR 7).
        Some(search) if needs_devices => from.push(&format!(
            " FROM (WITH found AS MATERIALIZED ( \
                 SELECT * FROM searchable_devices AS found \
                 WHERE found.workspace_id = {workspace} AND {}) \
               SELECT * FROM found) AS found \
             JOIN devices ON devices.workspace_id = {workspace} \
                         AND devices.id = found.device_id \
             WHERE true",
            search.device_condition()
        )),
        Some(search) => from.push(&format!(
            " FROM searchable_devices AS found WHERE found.workspace_id = {workspace} AND {}",
            search.device_condition()
        )),
    };
    from.push(" AND ").push(&has_status(*client_status, table));
    let mut add_condition = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            let parameter = from.bind(value);
            from.push(&format!(" AND {}", condition.replace("{}", &parameter)));
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    add_condition(
        &format!("{table}.user_id = {{}}"),
        user.map(|user| Value::Integer(user.0)),
    );
    add_condition("devices.asset_tag_folded = {}", text(asset_tag));
    add_condition(
        "coalesce(devices.type_folded, devices.type) = {}",
        text(type_),
    );
    add_condition(
        "coalesce(devices.category_folded, devices.category) = {}",
        text(category),
    );
    if let Some(serial_number) = serial_number {
        from.push_and_serial_number("devices.serial_number_folded", serial_number);
    }
    from.push_and_since("devices.updated_at", *updated_since);
    // Tags and attributes have no index: it would cost every insert more than these filters cost the
    // few requests that use them. They read the devices of the workspace.
    let tags: Vec<String> = tags
        .iter()
        .map(|tag| from.bind(Value::Text(tag.clone())))
        .collect();
    if !tags.is_empty() {
        from.push(&format!(" AND devices.tags @> ARRAY[{}]", tags.join(", ")));
    }
    for (key, value) in attributes {
        let key = from.bind(Value::Text(key.clone()));
        let value = from.bind(Value::Text(value.clone()));
        from.push(&format!(" AND devices.attributes ->> {key} = {value}"));
    }
    PagedQuery {
        from,
        id,
        rank: search.map(|search| rank(&search)),
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
