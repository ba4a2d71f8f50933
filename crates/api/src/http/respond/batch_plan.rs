//! Responses to `POST /devices/validate`.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use devices_domain::{
    Characteristics, DeviceFields, DeviceId, Field, Identity, Inventory, Ownership, RowPlan, RowRef,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::respond::api_error::{ApiError, ErrorEntry};
use crate::http::respond::created_devices::render_blocking_if_large;
use crate::http::respond::data::Data;
use crate::http::respond::plan_counts::PlanCountsView;

#[derive(Serialize)]
struct BatchPlan<'a> {
    #[serde(flatten)]
    counts: PlanCountsView,
    plan: Vec<PlanView<'a>>,
}

/// Effect that a row would have.
#[derive(Serialize)]
struct PlanView<'a> {
    index: usize,
    row_ref: Option<&'a RowRef>,
    action: &'static str,
    device_id: Option<DeviceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<ErrorEntry>>,
}

/// Returns a 200 with what a batch would do with each row, given with its reference.
///
/// # Errors
/// `Internal` if rendering panics.
pub(crate) async fn response(
    rows: Vec<(Option<RowRef>, RowPlan)>,
) -> Result<HttpResponse, ApiError> {
    let body = render_blocking_if_large(rows.len(), move || render(&rows))
        .await
        .map_err(|error| ApiError::Internal(error.into()))?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type(ContentType::json())
        .body(body))
}

fn render(rows: &[(Option<RowRef>, RowPlan)]) -> Vec<u8> {
    let views = rows.iter().enumerate();
    let views: Vec<PlanView<'_>> = views
        .map(|(index, (row_ref, row))| plan_view(index, row_ref.as_ref(), row))
        .collect();
    let plan = BatchPlan {
        counts: PlanCountsView::of(rows.iter().map(|(_, row)| row)),
        plan: views,
    };
    serde_json::to_vec(&Data { data: plan })
        .expect("texts, numbers and lists can always be written as JSON")
}

fn plan_view<'a>(index: usize, row_ref: Option<&'a RowRef>, row: &RowPlan) -> PlanView<'a> {
    let (action, device_id, changes, errors) = match row {
        RowPlan::Create => ("create", None, None, None),
        RowPlan::Update {
            device,
            fields,
            changed_fields,
        } => {
            let changes = changes(fields, changed_fields);
            ("update", Some(*device), Some(changes), None)
        }
        RowPlan::Unchanged(device) => ("unchanged", Some(*device), None, None),
        RowPlan::Skip(device) => ("skip", Some(*device), None, None),
        RowPlan::Fail(errors) => ("fail", None, None, Some(errors)),
    };
    PlanView {
        index,
        row_ref,
        action,
        device_id,
        changes,
        errors: errors.map(|errors| ErrorEntry::of_row(index, errors)),
    }
}

/// Returns the values of changed fields before and after, as the API represents them.
fn changes([before, after]: &[DeviceFields; 2], names: &[&'static str]) -> Map<String, Value> {
    let (mut before, mut after) = (values(before, names), values(after, names));
    let changes = names.iter().map(|name| {
        let mut change = Map::new();
        change.insert("from".into(), before.remove(*name).unwrap_or_default());
        change.insert("to".into(), after.remove(*name).unwrap_or_default());
        ((*name).to_owned(), Value::Object(change))
    });
    changes.collect()
}

/// Returns the values of the groups that have some of these fields.
fn values(fields: &DeviceFields, names: &[&'static str]) -> Map<String, Value> {
    let DeviceFields {
        identity,
        inventory,
        ownership,
        characteristics,
    } = fields;
    let mut values = Map::new();
    let mut add = |group: &[Field], value: &dyn Fn() -> serde_json::Result<Value>| {
        let is_needed = group.iter().any(|field| names.contains(&field.name()));
        if !is_needed {
            return;
        }
        let value = value().expect("texts, numbers and lists can always be written as JSON");
        if let Value::Object(members) = value {
            values.extend(members);
        }
    };
    add(Identity::FIELDS, &|| serde_json::to_value(identity));
    add(Inventory::FIELDS, &|| serde_json::to_value(inventory));
    add(Ownership::FIELDS, &|| serde_json::to_value(ownership));
    add(Characteristics::FIELDS, &|| {
        serde_json::to_value(characteristics)
    });
    values
}
