//! Which devices are asked for, in SQL.

use devices_domain::{ClientStatus, DeviceFilter, Lifecycle, WorkspaceId};

use crate::postgres::pages::List;
use crate::postgres::search_terms::Terms;
use crate::postgres::statement::{Statement, Value};

/// The devices of a workspace that pass a filter.
pub(super) fn list(workspace: WorkspaceId, filter: &DeviceFilter) -> List {
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
    let own = from.value(Value::Integer(workspace.0));
    let terms = search.as_ref().map(|search| Terms::of(search, &mut from));
    from.push(" FROM devices");
    if terms.is_some() {
        from.push(&format!(
            " JOIN device_documents AS found \
               ON found.workspace_id = {own} AND found.device_id = devices.id"
        ));
    }
    from.push(&format!(" WHERE devices.workspace_id = {own} AND "));
    from.push(&standing(*client_status));
    if let Some(terms) = &terms {
        from.push(" AND ").push(&terms.find_devices());
    }
    let mut equal = |expression: &str, value: Option<Value>| {
        if let Some(value) = value {
            let value = from.value(value);
            from.push(&format!(" AND {}", expression.replace("{}", &value)));
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    equal(
        "devices.user_id = {}",
        user.map(|user| Value::Integer(user.0)),
    );
    equal("devices.serial_number_folded = {}", text(serial_number));
    equal("lower(devices.type) = lower({})", text(type_));
    equal("lower(devices.category) = lower({})", text(category));
    equal(
        "devices.updated_at >= {}",
        updated_since.map(Value::Instant),
    );
    List {
        from,
        id: "devices.id",
        rank: terms.map(|terms| rank(&terms)),
    }
}

fn rank(terms: &Terms) -> String {
    format!(
        "({} + coalesce((SELECT {} FROM users WHERE users.workspace_id = $1 \
                         AND users.id = found.user_id), 0))::real",
        terms.rank("found.document"),
        terms.rank("users.document"),
    )
}

/// Where a device stands: what [`ClientStatus::of`] computes. A test holds the two together.
fn standing(status: Option<ClientStatus>) -> String {
    const LIVING: &str = "devices.deleted_at IS NULL";
    let said =
        |lifecycle: Lifecycle| format!("{LIVING} AND devices.lifecycle = '{}'", lifecycle.as_str());
    match status {
        None => LIVING.to_owned(),
        Some(ClientStatus::Archived) => "devices.deleted_at IS NOT NULL".to_owned(),
        Some(ClientStatus::InMaintenance) => said(Lifecycle::InMaintenance),
        Some(ClientStatus::OutOfService) => said(Lifecycle::OutOfService),
        Some(ClientStatus::InService) => {
            format!("{LIVING} AND devices.lifecycle IS NULL AND devices.user_id IS NOT NULL")
        }
        Some(ClientStatus::Available) => {
            format!("{LIVING} AND devices.lifecycle IS NULL AND devices.user_id IS NULL")
        }
        Some(
            ClientStatus::PendingValidation
            | ClientStatus::InPreparation
            | ClientStatus::Delivered
            | ClientStatus::Shipped,
        ) => "false".to_owned(),
    }
}
