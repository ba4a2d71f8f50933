//! The answer to a created batch.

use actix_web::http::header::{ContentType, HeaderName, HeaderValue};
use actix_web::{HttpResponse, web};
use devices_domain::{Device, IdempotentResponse, InsertedDevice, NewDevice, RepositoryError};
use serde::Serialize;

use crate::http::respond::api_error::ApiError;
use crate::http::respond::views::CreatedDeviceView;

/// `{"data":{"devices":[...]}}`.
#[derive(Serialize)]
struct Answer<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    devices: Vec<CreatedDeviceView<'a>>,
}

/// 201 with these devices. Many are written where other requests do not wait for them.
pub(crate) async fn response(devices: Vec<Device>) -> Result<HttpResponse, ApiError> {
    const MANY: usize = 100;
    let are_many = devices.len() >= MANY;
    let write = move || {
        let shown = devices
            .iter()
            .map(|device| CreatedDeviceView::of(device, device.client_status()));
        bytes(shown.collect())
    };
    let body = match are_many {
        false => write(),
        // They are stored all the same.
        true => web::block(write)
            .await
            .map_err(|_| RepositoryError::InDoubt("the answer was not written".into()))?,
    };
    Ok(respond(body))
}

/// The body of the 201 for devices that were stored as `stored`, which comes in their order.
pub fn render(devices: &[NewDevice], stored: &[InsertedDevice]) -> Vec<u8> {
    let shown = stored.iter().zip(devices).map(|(stored, device)| {
        let status = stored.client_status(device);
        CreatedDeviceView::new(stored.id, &device.fields, status, &stored.enrollment)
    });
    bytes(shown.collect())
}

/// 201 with what was told, this time or before.
pub(crate) fn idempotent_response(outcome: IdempotentResponse) -> HttpResponse {
    let IdempotentResponse { body, replayed } = outcome;
    let mut response = respond(body);
    if replayed {
        metrics::counter!("devices_idempotent_replays_total").increment(1);
        response.headers_mut().insert(
            HeaderName::from_static("idempotent-replayed"),
            HeaderValue::from_static("true"),
        );
    }
    response
}

fn respond(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Created()
        .content_type(ContentType::json())
        .body(body)
}

fn bytes(devices: Vec<CreatedDeviceView<'_>>) -> Vec<u8> {
    // About what a device takes: a buffer that grows is copied each time.
    let mut bytes = Vec::with_capacity(devices.len() * 1_024);
    let answer = Answer {
        data: Data { devices },
    };
    serde_json::to_writer(&mut bytes, &answer)
        .expect("texts, numbers and lists can always be written as JSON");
    bytes
}
