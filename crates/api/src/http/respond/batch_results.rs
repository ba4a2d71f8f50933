//! Responses to `POST /devices` with options, and to `POST /devices/validate`.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderName, HeaderValue};
use actix_web::{HttpResponse, web};
use devices_domain::{
    BatchId, BatchOptions, Characteristics, DeviceFields, DeviceId, Field, FieldError,
    IdempotentResponse, Identity, Inventory, NewUpsert, Ownership, RepositoryError, RowCounts,
    RowPlan, RowRef, RowResult, UpsertBatch, UpsertResult,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::extract::prefer::Representation;
use crate::http::respond::api_error::{ApiError, ErrorEntry};
use crate::http::respond::created_devices::{self, batch_response};
use crate::http::respond::data::Data;
use crate::http::respond::views::FullDeviceView;

#[derive(Serialize)]
struct Results<'a> {
    batch: BatchView,
    results: Vec<ResultView<'a>>,
}

/// A batch in its own response. `id` is null if nothing was stored.
#[derive(Serialize)]
struct BatchView {
    id: Option<BatchId>,
    #[serde(flatten)]
    counts: RowCounts,
}

/// Result of a row.
#[derive(Serialize)]
struct ResultView<'a> {
    index: usize,
    row_ref: Option<&'a RowRef>,
    result: &'static str,
    device_id: Option<DeviceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_fields: Option<&'a [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<ErrorEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<FullDeviceView<'a>>,
}

impl Representation {
    /// Returns the function that renders a result.
    pub(crate) fn renderer(self) -> fn(&UpsertBatch, &UpsertResult) -> Vec<u8> {
        match self {
            Self::Full => |batch, result| render(batch, result, Self::Full),
            Self::Minimal => |batch, result| render(batch, result, Self::Minimal),
        }
    }
}

fn render(batch: &UpsertBatch, result: &UpsertResult, representation: Representation) -> Vec<u8> {
    let rows = result.rows.iter().enumerate();
    let body = Data {
        data: Results {
            batch: BatchView {
                id: result.batch,
                counts: result.counts(),
            },
            results: rows
                .map(|(index, row)| result_view(index, batch, row, representation))
                .collect(),
        },
    };
    let mut json = Vec::with_capacity(result.rows.len() * 1_024);
    serde_json::to_writer(&mut json, &body)
        .expect("texts, numbers and lists can always be written as JSON");
    json
}

fn result_view<'a>(
    index: usize,
    batch: &'a UpsertBatch,
    row: &'a RowResult,
    representation: Representation,
) -> ResultView<'a> {
    let (result, device) = match row {
        RowResult::Created(device) => ("created", Some(device)),
        RowResult::Updated(device, _) => ("updated", Some(device)),
        RowResult::Unchanged(device) => ("unchanged", Some(device)),
        RowResult::Skipped(device) => ("skipped", Some(device)),
        RowResult::Failed(_) => ("failed", None),
    };
    ResultView {
        index,
        row_ref: batch.row_ref(index),
        result,
        device_id: device.map(|stored| stored.device.id),
        changed_fields: match row {
            RowResult::Updated(_, changed_fields) => Some(changed_fields),
            _ => None,
        },
        errors: match row {
            RowResult::Failed(errors) => Some(entries(index, errors)),
            _ => None,
        },
        device: device
            .filter(|_| representation == Representation::Full)
            .map(|stored| FullDeviceView::of(stored)),
    }
}

fn entries(index: usize, errors: &[FieldError]) -> Vec<ErrorEntry> {
    let errors = errors.iter();
    errors
        .map(|error| ErrorEntry::of(Some(index), error))
        .collect()
}

/// Returns the response with the result of each row. Renders it on a blocking thread, so that other
/// requests of the worker do not wait for it.
///
/// # Errors
/// If rendering panics: `InDoubt` if the batch stored something, otherwise `Internal`.
pub(crate) async fn response(
    upsert: Arc<NewUpsert>,
    result: UpsertResult,
    representation: Representation,
) -> Result<HttpResponse, ApiError> {
    let (batch, options) = (result.batch, upsert.batch.options());
    let body = web::block(move || render(&upsert.batch, &result, representation))
        .await
        .map_err(|_| {
            let cause = "the response could not be rendered";
            match batch {
                Some(_) => RepositoryError::InDoubt(cause.into()).into(),
                None => ApiError::Internal(cause.into()),
            }
        })?;
    let mut response = batch_response(status(options), batch, body);
    if representation == Representation::Minimal {
        confirm_minimal(&mut response);
    }
    Ok(response)
}

/// Returns the response to a request with an idempotency key. A replay has the representation of
/// the first response, which confirms no preference.
pub(crate) fn idempotent_response(
    options: BatchOptions,
    response: IdempotentResponse,
    representation: Representation,
) -> HttpResponse {
    let is_replayed = response.replayed;
    let mut response = created_devices::idempotent_response(status(options), response);
    if representation == Representation::Minimal && !is_replayed {
        confirm_minimal(&mut response);
    }
    response
}

/// Confirms `Prefer: return=minimal`.
fn confirm_minimal(response: &mut HttpResponse) {
    response.headers_mut().append(
        HeaderName::from_static("preference-applied"),
        HeaderValue::from_static("return=minimal"),
    );
}

/// Returns the status of a batch with options.
pub(crate) fn status(options: BatchOptions) -> StatusCode {
    if options.is_atomic {
        StatusCode::OK
    } else {
        StatusCode::MULTI_STATUS
    }
}

#[derive(Serialize)]
struct BatchPlan<'a> {
    rows: usize,
    create: usize,
    update: usize,
    unchanged: usize,
    skip: usize,
    fail: usize,
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
pub(crate) async fn plan(rows: Vec<(Option<RowRef>, RowPlan)>) -> Result<HttpResponse, ApiError> {
    let render = move || render_plan(&rows);
    let body = web::block(render)
        .await
        .map_err(|_| ApiError::Internal("the plan could not be rendered".into()))?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type(ContentType::json())
        .body(body))
}

fn render_plan(rows: &[(Option<RowRef>, RowPlan)]) -> Vec<u8> {
    let views = rows.iter().enumerate();
    let views: Vec<PlanView<'_>> = views
        .map(|(index, (row_ref, row))| plan_view(index, row_ref.as_ref(), row))
        .collect();
    let count = |action: &str| views.iter().filter(|view| view.action == action).count();
    let plan = BatchPlan {
        rows: views.len(),
        create: count("create"),
        update: count("update"),
        unchanged: count("unchanged"),
        skip: count("skip"),
        fail: count("fail"),
        plan: views,
    };
    serde_json::to_vec(&Data { data: plan })
        .expect("texts, numbers and lists can always be written as JSON")
}

fn plan_view<'a>(index: usize, row_ref: Option<&'a RowRef>, row: &RowPlan) -> PlanView<'a> {
    let (action, device_id) = match row {
        RowPlan::Create => ("create", None),
        RowPlan::Update { device, .. } => ("update", Some(*device)),
        RowPlan::Unchanged(device) => ("unchanged", Some(*device)),
        RowPlan::Skip(device) => ("skip", Some(*device)),
        RowPlan::Fail(_) => ("fail", None),
    };
    PlanView {
        index,
        row_ref,
        action,
        device_id,
        changes: match row {
            RowPlan::Update {
                fields,
                changed_fields,
                ..
            } => Some(changes(fields, changed_fields)),
            _ => None,
        },
        errors: match row {
            RowPlan::Fail(errors) => Some(entries(index, errors)),
            _ => None,
        },
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
        if is_needed && let Ok(Value::Object(members)) = value() {
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
