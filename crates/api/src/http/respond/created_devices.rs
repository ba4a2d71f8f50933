//! Responses to `POST /devices`.

use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpResponse, web};
use devices_domain::{BatchId, IdempotentResponse, InsertedDevice, NewDevice, RepositoryError};
use serde::Serialize;

use crate::http::respond::api_error::ApiError;
use crate::http::respond::views::CreatedDeviceView;

/// `{"data":{"devices":[...]}}`.
#[derive(Serialize)]
struct Body<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    devices: Vec<CreatedDeviceView<'a>>,
}

/// Minimum number of devices for which the body is rendered on a blocking thread.
const LARGE_BATCH: usize = 100;

/// Returns a 201 with the devices of a batch. Renders a large batch on a blocking thread, so that
/// other requests of the worker do not wait for it.
///
/// # Errors
/// If rendering panics.
pub(crate) async fn response(
    batch: BatchId,
    devices: Vec<NewDevice>,
    inserted: Vec<InsertedDevice>,
) -> Result<HttpResponse, ApiError> {
    let rows = devices.len();
    let body = render_stored(Some(batch), rows, move || render(&devices, &inserted)).await?;
    Ok(batch_response(StatusCode::CREATED, Some(batch), body))
}

/// Renders the body for the result of a batch, on a blocking thread if it has many rows.
///
/// # Errors
/// If rendering panics: `InDoubt` if the batch was stored, otherwise `Internal`.
pub(crate) async fn render_stored(
    batch: Option<BatchId>,
    rows: usize,
    render: impl FnOnce() -> Vec<u8> + Send + 'static,
) -> Result<Vec<u8>, ApiError> {
    let body = render_blocking_if_large(rows, render).await;
    body.map_err(|error| match batch {
        Some(_) => RepositoryError::InDoubt(error.into()).into(),
        None => ApiError::Internal(error.into()),
    })
}

/// Renders a body for this number of rows, on a blocking thread if there are many.
///
/// # Errors
/// If rendering panics.
pub(crate) async fn render_blocking_if_large(
    rows: usize,
    render: impl FnOnce() -> Vec<u8> + Send + 'static,
) -> Result<Vec<u8>, BlockingError> {
    if rows >= LARGE_BATCH {
        web::block(render).await
    } else {
        Ok(render())
    }
}

/// Renders the body of the 201. `inserted` is in the order of `devices`.
pub fn render(devices: &[NewDevice], inserted: &[InsertedDevice]) -> Vec<u8> {
    let views = inserted.iter().zip(devices).map(|(inserted, device)| {
        let status = inserted.client_status(device);
        let view = CreatedDeviceView::new(
            inserted.id,
            &device.fields,
            status,
            inserted.enrollment.as_ref(),
        );
        view.with_row_ref(device.row_ref.as_ref())
    });
    // About the size of the body. A buffer that grows is copied each time.
    let mut json = Vec::with_capacity(devices.len() * 1_024);
    let body = Body {
        data: Data {
            devices: views.collect(),
        },
    };
    serde_json::to_writer(&mut json, &body)
        .expect("texts, numbers and lists can always be written as JSON");
    json
}

/// Returns the response to a request with an idempotency key. Marks it if it is replayed.
pub(crate) fn idempotent_response(
    status: StatusCode,
    response: IdempotentResponse,
) -> HttpResponse {
    let IdempotentResponse {
        body,
        batch,
        replayed,
    } = response;
    let mut response = batch_response(status, batch, body);
    if replayed {
        metrics::counter!("devices_idempotent_replays_total").increment(1);
        response.headers_mut().insert(
            HeaderName::from_static("idempotent-replayed"),
            HeaderValue::from_static("true"),
        );
    }
    response
}

/// Returns a response whose `Location` is the batch, if it is known.
pub(crate) fn batch_response(
    status: StatusCode,
    batch: Option<BatchId>,
    body: Vec<u8>,
) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    if let Some(batch) = batch {
        response.insert_header(location(batch));
    }
    response.content_type(ContentType::json()).body(body)
}

/// Returns the header `Location` of a batch. It has no prefix, also for a request with one: both
/// paths have the same resources.
fn location(batch: BatchId) -> (HeaderName, String) {
    (LOCATION, format!("/batches/{batch}"))
}
