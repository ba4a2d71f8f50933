//! Responses to `POST /devices` with options.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use devices_domain::{
    BatchId, BatchOptions, DeviceId, IdempotentResponse, NewUpsert, RenderUpsert, RowCounts,
    RowDevice, RowRef, RowResult, UpsertBatch, UpsertResult,
};
use serde::Serialize;

use crate::http::extract::prefer::Representation;
use crate::http::respond::api_error::{ApiError, ErrorEntry};
use crate::http::respond::created_devices::{self, batch_response, render_stored};
use crate::http::respond::data::Data;
use crate::http::respond::views::FullDeviceView;

#[derive(Serialize)]
struct Results<'a> {
    batch: BatchView,
    results: Vec<ResultView<'a>>,
}

/// A batch in its own response. `id` is null if nothing was stored.
#[derive(Serialize)]
pub(super) struct BatchView {
    id: Option<BatchId>,
    #[serde(flatten)]
    counts: RowCounts,
}

impl BatchView {
    pub(super) fn of(result: &UpsertResult) -> Self {
        Self {
            id: result.batch,
            counts: result.counts(),
        }
    }
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
    pub(crate) fn renderer(self) -> RenderUpsert {
        Arc::new(move |batch, result| render(batch, result, self))
    }
}

fn render(batch: &UpsertBatch, result: &UpsertResult, representation: Representation) -> Vec<u8> {
    let rows = result.rows.iter().enumerate();
    let body = Data {
        data: Results {
            batch: BatchView::of(result),
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
    let (result, device, changed_fields, errors) = match row {
        RowResult::Created(device) => ("created", Some(device), None, None),
        RowResult::Updated(device, fields) => ("updated", Some(device), Some(fields), None),
        RowResult::Unchanged(device) => ("unchanged", Some(device), None, None),
        RowResult::Skipped(device) => ("skipped", Some(device), None, None),
        RowResult::Failed(errors) => ("failed", None, None, Some(errors)),
    };
    ResultView {
        index,
        row_ref: batch.row_ref(index),
        result,
        device_id: device.map(RowDevice::id),
        changed_fields: changed_fields.map(Vec::as_slice),
        errors: errors.map(|errors| ErrorEntry::of_row(index, errors)),
        device: device
            .filter(|_| representation == Representation::Full)
            .and_then(RowDevice::stored)
            .map(FullDeviceView::of),
    }
}

/// Returns the response with the result of each row.
///
/// # Errors
/// If rendering panics.
pub(crate) async fn response(
    upsert: Arc<NewUpsert>,
    result: UpsertResult,
    representation: Representation,
) -> Result<HttpResponse, ApiError> {
    let (batch, options) = (result.batch, upsert.batch.options());
    let rows = result.rows.len();
    let render = move || render(&upsert.batch, &result, representation);
    let body = render_stored(batch, rows, render).await?;
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
