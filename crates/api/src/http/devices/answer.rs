//! The answer to a created batch.

use actix_web::HttpResponse;
use actix_web::http::header::{ContentType, HeaderName, HeaderValue};
use devices_domain::{
    Characteristics, ClientStatus, Comment, Device, DeviceId, Enrollment, Identity, Label,
    NewDevice, Outcome, SerialNumber, Source, StoredDevice,
};
use serde::Serialize;

/// `{"data":{"devices":[...]}}`.
#[derive(Serialize)]
struct Answer<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    devices: Vec<CreatedDevice<'a>>,
}

/// 201 with these devices.
pub(super) fn created(devices: &[Device]) -> HttpResponse {
    let shown = devices
        .iter()
        .map(|device| CreatedDevice::new(device.id, &device.fields, &device.enrollment));
    respond(bytes(shown.collect()))
}

/// The body of [`created`], for devices that are about to be.
pub(super) fn tell(devices: &[NewDevice], stored: &[StoredDevice]) -> Vec<u8> {
    let shown = stored
        .iter()
        .zip(devices)
        .map(|(stored, fields)| CreatedDevice::new(stored.id, fields, &stored.enrollment));
    bytes(shown.collect())
}

/// 201 with what was told, this time or before.
pub(super) fn outcome(outcome: Outcome) -> HttpResponse {
    let Outcome { answer, replayed } = outcome;
    let mut response = respond(answer);
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

fn bytes(devices: Vec<CreatedDevice<'_>>) -> Vec<u8> {
    let answer = Answer {
        data: Data { devices },
    };
    serde_json::to_vec(&answer).expect("texts, numbers and lists can always be written as JSON")
}

/// A device as the 201 shows it: every key is always there.
#[derive(Serialize)]
struct CreatedDevice<'a> {
    id: DeviceId,
    name: &'a Label,
    r#type: &'a Label,
    category: &'a Label,
    /// The vendor's own lease; an external device has none.
    rent: Option<()>,
    /// The parcel of the vendor's delivery; an external device has none.
    tracking_number: Option<()>,
    client_status: ClientStatus,
    source: Source,
    serial_number: &'a Option<SerialNumber>,
    comment: &'a Option<Comment>,
    characteristics: &'a Characteristics,
    mdm: &'a Option<Enrollment>,
}

impl<'a> CreatedDevice<'a> {
    fn new(id: DeviceId, fields: &'a NewDevice, enrollment: &'a Option<Enrollment>) -> Self {
        let Identity {
            name,
            type_,
            category,
            brand: _,
            serial_number,
            comment,
        } = &fields.identity;
        Self {
            id,
            name,
            r#type: type_,
            category,
            rent: None,
            tracking_number: None,
            client_status: fields.client_status(),
            source: fields.source(),
            serial_number,
            comment,
            characteristics: &fields.characteristics,
            mdm: enrollment,
        }
    }
}
