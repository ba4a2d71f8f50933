//! Creation of a device.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use devices_domain::{
    Batch, BatchRules, CreateDevices, CreateDevicesError, CreateResult, DeviceId, ErrorReport,
    IdempotencyError, IdempotencyKey, IdempotentRequest, InsertedDevice, NewDevice, Origin, RawRow,
    UnknownFields,
};
use sha2::{Digest, Sha256};

use super::form::{DeviceForm, new_device_fields};
use super::notice::Notice;
use crate::PATH;
use crate::error::ConsoleError;
use crate::fields::{FieldErrors, OtherError, RelatedLink, read_row};
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::query::{Pairs, Query};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::EN;

/// Operation of the idempotency keys of the form.
const OPERATION: &str = "console: create a device";

#[derive(Template)]
#[template(path = "device/new.html")]
struct NewPage {
    frame: Frame,
    form: DeviceForm,
    /// Idempotency key: a form that is sent twice creates one device.
    form_id: String,
}

/// Shows the form of a new device, with the values of the query.
pub(super) async fn show(
    WriteAccess(signed_in): WriteAccess,
    Query(query): Query,
) -> Result<HttpResponse, ConsoleError> {
    let form = DeviceForm::for_new().with_errors(&query, &FieldErrors::default());
    let page = NewPage::new(&signed_in, form);
    respond::page(StatusCode::OK, &page)
}

/// Creates the device of a form, once per form.
pub(super) async fn save(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let sent = &form.values;
    let once = idempotent_request(sent)?;
    match create(&request, &signed_in, batch(sent), once.clone()).await? {
        Ok(result) => Ok(Notice::Created.respond(created_device(result)?)),
        Err(CreateDevicesError::Rejected(report)) => {
            let errors = FieldErrors::new(&report);
            let form = DeviceForm::for_new().with_errors(sent, &errors);
            let page = NewPage::new(&signed_in, form);
            respond::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(CreateDevicesError::Idempotency(IdempotencyError::KeyReused)) => {
            already_sent(&request, &signed_in, sent, once).await
        }
        Err(CreateDevicesError::Idempotency(error)) => Err(error.into()),
        Err(CreateDevicesError::Repository(error)) => Err(error.into()),
    }
}

/// Creates the device of a batch, or returns the response that is stored for its form.
async fn create(
    request: &HttpRequest,
    signed_in: &SignedIn,
    batch: Batch,
    once: IdempotentRequest,
) -> Result<Result<CreateResult, CreateDevicesError>, ConsoleError> {
    let use_case = CreateDevices::new(signed_in.workspace().devices);
    let origin = signed_in.origin.clone();
    let create = async move {
        Ok(use_case
            .execute(batch, origin, Some((once, render_id)))
            .await)
    };
    run_to_completion(request, signed_in.actor(), create).await
}

fn batch(sent: &Pairs) -> Batch {
    let mut row = RawRow::for_device();
    read_row(&mut row, &new_device_fields(), sent);
    let mut batch = Batch::new(BatchRules {
        max_devices: 1,
        unknown_fields: UnknownFields::Reject,
        max_errors: ErrorReport::MAX_ENTRIES,
    });
    batch.push(&row);
    batch
}

/// Returns the request of a form. Its fingerprint is that of its values, in their order.
fn idempotent_request(sent: &Pairs) -> Result<IdempotentRequest, ConsoleError> {
    let key = sent.get("form_id").and_then(IdempotencyKey::parse);
    let key = key.ok_or(ConsoleError::MalformedForm("it has no id"))?;
    Ok(IdempotentRequest {
        operation: OPERATION,
        key,
        fingerprint: Sha256::digest(sent.encode()).into(),
    })
}

/// Renders the response that is stored for the form: the id of the device.
fn render_id(_: &[NewDevice], inserted: &[InsertedDevice]) -> Vec<u8> {
    let id = inserted.first().map(|device| device.id.to_string());
    id.unwrap_or_default().into_bytes()
}

fn created_device(result: CreateResult) -> Result<DeviceId, ConsoleError> {
    let id = match result {
        CreateResult::Devices { inserted, .. } => inserted.first().map(|device| device.id),
        CreateResult::Response(response) => parse_id(&response.body),
    };
    id.ok_or_else(|| ConsoleError::Internal("the created device has no id".into()))
}

fn parse_id(body: &[u8]) -> Option<DeviceId> {
    let id = std::str::from_utf8(body).ok()?.parse().ok()?;
    Some(DeviceId(id))
}

/// Shows the form again, with another id: it has created a device with other values before.
async fn already_sent(
    request: &HttpRequest,
    signed_in: &SignedIn,
    sent: &Pairs,
    once: IdempotentRequest,
) -> Result<HttpResponse, ConsoleError> {
    let devices = signed_in.workspace().devices;
    let find = async move { Ok(devices.find_response(once).await?) };
    let stored = run_to_completion(request, signed_in.actor(), find).await?;
    let created = stored.and_then(|response| parse_id(&response.body));
    let mut form = DeviceForm::for_new().with_errors(sent, &FieldErrors::default());
    form.others.push(OtherError {
        message: EN.device_form.already_sent.to_owned(),
        related: created.map(|id| RelatedLink {
            path: format!("{PATH}/devices/{id}"),
            text: EN.device_form.open_created.to_owned(),
        }),
    });
    let page = NewPage::new(signed_in, form);
    respond::page(StatusCode::CONFLICT, &page)
}

/// Returns an id that no other form has: a hash of the id of the request, so that the page does not
/// contain the id itself, which is in the logs.
fn form_id(origin: &Origin) -> String {
    let hash = Sha256::digest(&origin.request_id);
    hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl NewPage {
    fn new(signed_in: &SignedIn, form: DeviceForm) -> Self {
        Self {
            frame: Frame::new(signed_in, Section::Devices, EN.device_form.new_title),
            form,
            form_id: form_id(&signed_in.origin),
        }
    }
}
