//! Which devices are asked for, in SQL.

use devices_domain::{ClientStatus, DeviceFilter, Lifecycle, WorkspaceId};

use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::search_sql::SearchSql;
use crate::postgres::query::statement::{Statement, Value};

/// The devices of a workspace that pass a filter.
pub(crate) fn list(workspace: WorkspaceId, filter: &DeviceFilter) -> PagedQuery {
    let DeviceFilter {
        search,
        user,
        client_status,
        serial_number,
        type_,
        category,
        updated_since,
    } = filter;
    let mut from = Statement::default();
    let own = from.bind(Value::Integer(workspace.0));
    let terms = search
        .as_ref()
        .map(|search| SearchSql::new(search, &mut from));
    // What devices are found by says much of them: most searches need not look at the devices.
    let of_devices_alone = type_.is_some()
        || category.is_some()
        || updated_since.is_some()
        || !matches!(client_status, None | Some(ClientStatus::Archived));
    let (row, id) = match terms {
        None => ("devices", "devices.id"),
        Some(_) => ("found", "found.device_id"),
    };
    match &terms {
        None => from.push(&format!(
            " FROM devices WHERE devices.workspace_id = {own}"
        )),
        // What is found is found first, and once, whatever the planner believes of either.
        Some(terms) if of_devices_alone => from.push(&format!(
            " FROM (WITH found AS MATERIALIZED ( \
                 SELECT * FROM device_documents AS found WHERE found.workspace_id = {own} AND {}) \
               SELECT * FROM found) AS found \
             JOIN devices ON devices.workspace_id = {own} AND devices.id = found.device_id WHERE true",
            terms.device_condition()
        )),
        Some(terms) => from.push(&format!(
            " FROM device_documents AS found WHERE found.workspace_id = {own} AND {}",
            terms.device_condition()
        )),
    };
    from.push(" AND ").push(&standing(*client_status, row));
    let mut equal = |expression: &str, value: Option<Value>| {
        if let Some(value) = value {
            let value = from.bind(value);
            from.push(&format!(" AND {}", expression.replace("{}", &value)));
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    let user = user.map(|user| Value::Integer(user.0));
    equal(&format!("{row}.user_id = {{}}"), user);
    equal(
        &format!("{row}.serial_number_folded = {{}}"),
        text(serial_number),
    );
    equal("lower(devices.type) = lower({})", text(type_));
    equal("lower(devices.category) = lower({})", text(category));
    equal(
        "devices.updated_at >= {}",
        updated_since.map(Value::Instant),
    );
    PagedQuery {
        from,
        id,
        rank: terms.map(|terms| rank(&terms)),
    }
}

fn rank(terms: &SearchSql) -> String {
    format!(
        "({} + coalesce((SELECT {} FROM users WHERE users.workspace_id = $1 \
                         AND users.id = found.user_id), 0))::real",
        terms.rank("found.document"),
        terms.rank("users.document"),
    )
}

/// Where a device stands: what [`ClientStatus::of`] computes. A test holds the two together. `row` is
/// `devices`, or the row of `device_documents`, which knows the archived ones.
fn standing(status: Option<ClientStatus>, row: &str) -> String {
    let (living, archived) = match row {
        "devices" => (
            "devices.deleted_at IS NULL",
            "devices.deleted_at IS NOT NULL",
        ),
        _ => ("NOT found.is_archived", "found.is_archived"),
    };
    let said =
        |lifecycle: Lifecycle| format!("{living} AND devices.lifecycle = '{}'", lifecycle.as_str());
    match status {
        None => living.to_owned(),
        Some(ClientStatus::Archived) => archived.to_owned(),
        Some(ClientStatus::InMaintenance) => said(Lifecycle::InMaintenance),
        Some(ClientStatus::OutOfService) => said(Lifecycle::OutOfService),
        Some(ClientStatus::InService) => {
            format!("{living} AND devices.lifecycle IS NULL AND devices.user_id IS NOT NULL")
        }
        Some(ClientStatus::Available) => {
            format!("{living} AND devices.lifecycle IS NULL AND devices.user_id IS NULL")
        }
        Some(
            ClientStatus::PendingValidation
            | ClientStatus::InPreparation
            | ClientStatus::Delivered
            | ClientStatus::Shipped,
        ) => "false".to_owned(),
    }
}
