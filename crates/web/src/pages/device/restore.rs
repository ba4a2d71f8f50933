//! Restoring an archived device.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use devices_domain::{DeviceId, Precondition, RestoreDevice, StoredDevice, UpdateDeviceError};

use super::notice::Notice;
use super::{DeviceHead, find};
use crate::error::ConsoleError;
use crate::fields::{FieldErrors, OtherError};
use crate::frame::{Frame, Section};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::{self, EN};

#[derive(Template)]
#[template(path = "device/restore.html")]
struct RestorePage {
    frame: Frame,
    head: DeviceHead,
    /// Conflicts that prevent it.
    errors: Vec<OtherError>,
}

/// Shows what restoring the device does.
pub(super) async fn show(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let stored = find(&request, &signed_in, DeviceId(*id)).await?;
    if stored.archived_at.is_none() {
        return Ok(respond::see_other(&format!("/devices/{id}")));
    }
    let page = RestorePage::new(&signed_in, &stored, Vec::new());
    respond::page(StatusCode::OK, &page)
}

/// Restores the device, or shows what prevents it. An archived device does not change, and an
/// active one stays as it is: no revision is needed.
pub(super) async fn save(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let id = DeviceId(*id);
    let use_case = RestoreDevice::new(signed_in.workspace().devices);
    let origin = signed_in.origin.clone();
    let restore = async move { Ok(use_case.execute(id, Precondition::Any, origin).await) };
    match run_to_completion(&request, signed_in.actor(), restore).await? {
        Ok(_) => Ok(Notice::Restored.respond(id)),
        Err(UpdateDeviceError::Rejected(report)) => {
            let stored = find(&request, &signed_in, id).await?;
            let errors = FieldErrors::new(&report).others(&[]);
            let page = RestorePage::new(&signed_in, &stored, errors);
            respond::page(StatusCode::CONFLICT, &page)
        }
        Err(UpdateDeviceError::NotFound) => Err(ConsoleError::NotFound),
        Err(UpdateDeviceError::Repository(error)) => Err(error.into()),
        Err(error) => Err(ConsoleError::Internal(error.into())),
    }
}

impl RestorePage {
    fn new(signed_in: &SignedIn, stored: &StoredDevice, errors: Vec<OtherError>) -> Self {
        let head = DeviceHead::new(stored);
        let title = texts::fill(EN.device_archive.restore_title, &[("name", &head.name)]);
        Self {
            frame: Frame::new(signed_in, Section::Devices, title),
            head,
            errors,
        }
    }
}
