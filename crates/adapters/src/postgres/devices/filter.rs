//! Filters of device lists, in SQL.

use std::collections::BTreeSet;

use devices_domain::{
    BatchId, CaseVariants, ClientStatus, DateRange, DeviceFilter, IdentifierKey, Lifecycle,
    PageRequest, WorkspaceId,
};

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
    let queries = value_filter::queries(workspace, filter, paging);
    let query = all(workspace, filter).with_index_queries(queries);
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
    let mut others = filter.clone();
    match filter.batch {
        Some(batch) => {
            others.batch = None;
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
        None if !filter.serial_numbers.is_empty() => {
            let serial_numbers = distinct(&std::mem::take(&mut others.serial_numbers));
            let serial_numbers = from.bind(Value::Texts(serial_numbers));
            // Archived devices can share a serial number. OFFSET keeps the planner from joining in
            // another order.
            let is_archived = filter.client_status == Some(ClientStatus::Archived);
            let state_and_limit = if is_archived {
                "IS NOT NULL OFFSET 0"
            } else {
                "IS NULL LIMIT 1"
            };
            from.push(&format!(
                " FROM unnest({serial_numbers}) AS wanted (serial_number) CROSS JOIN LATERAL ( \
                     SELECT * FROM devices AS candidate \
                     WHERE candidate.workspace_id = {workspace} \
                       AND candidate.serial_number_folded = wanted.serial_number \
                       AND candidate.deleted_at {state_and_limit}) AS devices"
            ));
        }
        None => {
            from.push(" FROM devices");
        }
    }
    from.push(&format!(" WHERE devices.workspace_id = {workspace}"));
    push_conditions(&mut from, &others, "devices");
    let query = PagedQuery::new(from, "devices.id");
    if filter.serial_numbers.is_empty() {
        query
    } else {
        // In the order of the ids, most devices would be read for so few.
        query.with_max_counted(DeviceFilter::MAX_SERIAL_NUMBERS)
    }
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
        serial_numbers,
        brand,
        without_brand,
        warranty_ends,
        rental_ends,
    } = filter;
    batch.is_some()
        || type_.is_some()
        || serial_number.is_some()
        || asset_tag.is_some()
        || category.is_some()
        || updated_since.is_some()
        || !tags.is_empty()
        || !attributes.is_empty()
        || !serial_numbers.is_empty()
        || brand.is_some()
        || *without_brand
        || warranty_ends.is_some()
        || rental_ends.is_some()
        || !matches!(client_status, None | Some(ClientStatus::Archived))
}

/// Returns whether an index finds the devices that match this filter, if they are few.
pub(super) fn has_device_index(filter: &DeviceFilter) -> bool {
    filter.batch.is_some()
        || filter.serial_number.is_some()
        || filter.asset_tag.is_some()
        || filter.updated_since.is_some()
        || !filter.serial_numbers.is_empty()
        || filter.without_brand
        || filter.warranty_ends.is_some()
        || filter.rental_ends.is_some()
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
        serial_numbers,
        brand,
        without_brand,
        warranty_ends: _,
        rental_ends: _,
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
    if !serial_numbers.is_empty() {
        let serial_numbers = from.bind(Value::Texts(distinct(serial_numbers)));
        from.push(&format!(
            " AND devices.serial_number_folded = ANY ({serial_numbers})"
        ));
    }
    if let Some(brand) = brand {
        push_and_folded(from, "devices.brand", brand);
    }
    if *without_brand {
        from.push(" AND devices.brand IS NULL");
    }
    for end in ENDS {
        if let Some(range) = (end.range)(filter) {
            from.push_and_in_range(&format!("devices.{}", end.column), range);
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

/// A date at which something ends, with an index of the devices.
pub(super) struct End {
    pub(super) column: &'static str,
    pub(super) range: fn(&DeviceFilter) -> Option<DateRange>,
}

/// All ends, those that fewer devices have first.
pub(super) const ENDS: [End; 2] = [
    End {
        column: "client_rental_end_date",
        range: |filter| filter.rental_ends,
    },
    End {
        column: "client_warranty_end_date",
        range: |filter| filter.warranty_ends,
    },
];

/// Returns the folded identifiers of the keys, once each. A key that nothing can have has none.
pub(super) fn distinct(keys: &[IdentifierKey]) -> Vec<String> {
    let folded = keys.iter().filter_map(IdentifierKey::folded);
    let folded: BTreeSet<&str> = folded.collect();
    folded.into_iter().map(str::to_owned).collect()
}

/// Appends the condition that the column, which is not stored folded, has this folded form.
///
/// The replacements are those of [`CaseVariants`]: no function of PostgreSQL folds text, as `lower`
/// depends on the locale (ADR 24).
fn push_and_folded(from: &mut Statement, column: &str, folded: &str) {
    let variants = CaseVariants::of(folded);
    let (changed, forms): (String, String) = variants.single.iter().copied().unzip();
    let mut expression = if variants.is_ascii {
        column.to_owned()
    } else {
        format!("normalize({column}, NFD)")
    };
    if !changed.is_empty() {
        let [changed, forms] = [changed, forms].map(|text| from.bind(Value::Text(text)));
        expression = format!("translate({expression}, {changed}, {forms})");
    }
    for (changed, form) in variants.expanded {
        let [changed, form] = [changed.into(), form].map(|text| from.bind(Value::Text(text)));
        expression = format!("replace({expression}, {changed}, {form})");
    }
    if !variants.is_ascii {
        expression = format!("normalize({expression}, NFC)");
        // ASCII folds to ASCII. Normalizing every brand would take most of the time.
        from.push(&format!(
            " AND octet_length({column}) <> char_length({column})"
        ));
    }
    from.push_and_equal(&expression, Value::Text(folded.to_owned()));
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
