//! Archiving a device, after a confirmation.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use devices_domain::{ChangeDeviceError, DeviceId, StoredDevice};

use super::notice::Notice;
use super::{DeviceHead, Person, find, precondition};
use crate::error::ConsoleError;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::{self, EN};

#[derive(Template)]
#[template(path = "device/archive.html")]
struct ArchivePage {
    frame: Frame,
    head: DeviceHead,
    effects: Vec<String>,
    /// `true` if the device has changed since the page was shown.
    has_changed: bool,
}

/// Shows what archiving the device does.
pub(super) async fn show(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let stored = find(&request, &signed_in, DeviceId(*id)).await?;
    if stored.archived_at.is_some() {
        return Ok(respond::see_other(&format!("/devices/{id}")));
    }
    respond::page(
        StatusCode::OK,
        &ArchivePage::new(&signed_in, &stored, false),
    )
}

/// Archives the device. Shows the confirmation again if somebody else has changed it.
pub(super) async fn save(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let (id, precondition) = (DeviceId(*id), precondition(&form.values)?);
    let devices = signed_in.workspace().devices;
    let origin = signed_in.origin.clone();
    let archive = async move { Ok(devices.delete(id, precondition, origin).await) };
    match run_to_completion(&request, signed_in.actor(), archive).await? {
        Ok(_) => Ok(Notice::Archived.respond(id)),
        Err(
            error @ (ChangeDeviceError::NotFound
            | ChangeDeviceError::Archived
            | ChangeDeviceError::PreconditionFailed),
        ) => {
            let stored = find(&request, &signed_in, id).await?;
            if stored.archived_at.is_some() {
                // The form was sent twice.
                return Ok(Notice::Archived.respond(id));
            }
            if !matches!(error, ChangeDeviceError::PreconditionFailed) {
                return Err(ConsoleError::NotFound);
            }
            let page = ArchivePage::new(&signed_in, &stored, true);
            respond::page(StatusCode::CONFLICT, &page)
        }
        Err(ChangeDeviceError::Repository(error)) => Err(error.into()),
        Err(error @ ChangeDeviceError::Rejected(_)) => Err(ConsoleError::Internal(error.into())),
    }
}

impl ArchivePage {
    fn new(signed_in: &SignedIn, stored: &StoredDevice, has_changed: bool) -> Self {
        let texts = &EN.device_archive;
        let head = DeviceHead::new(stored);
        let title = texts::fill(texts.title, &[("name", &head.name)]);
        let assignee = stored.assignee.as_ref().map(Person::new);
        let assignee = assignee
            .map(|assignee| texts::fill(texts.effect_assignee, &[("name", &assignee.name)]));
        let mut effects = vec![
            texts.effect_lists.to_owned(),
            texts.effect_unique.to_owned(),
        ];
        effects.extend(assignee);
        effects.push(texts.effect_undo.to_owned());
        Self {
            frame: Frame::new(signed_in, Section::Devices, title),
            head,
            effects,
            has_changed,
        }
    }
}
