//! A device: its details and its history, and the pages that change it.

mod archive;
mod assign;
mod compare;
mod create;
mod detail;
mod edit;
mod form;
mod notice;
mod restore;

use actix_web::{HttpRequest, web};
use devices_domain::{Assignee, DeviceId, Precondition, Revision, StoredDevice};

use crate::PATH;
use crate::error::ConsoleError;
use crate::pages::users::assignee_name;
use crate::query::Pairs;
use crate::routes::page;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    let device_page = |path: &str| page(&format!("/devices/{{device_id:\\d+}}{path}"));
    scope
        .service(page("/devices/new").get(create::show).post(create::save))
        .service(device_page("").get(detail::show))
        .service(device_page("/edit").get(edit::show).post(edit::save))
        .service(device_page("/assign").get(assign::show).post(assign::save))
        .service(
            device_page("/archive")
                .get(archive::show)
                .post(archive::save),
        )
        .service(
            device_page("/restore")
                .get(restore::show)
                .post(restore::save),
        );
}

async fn find(
    request: &HttpRequest,
    signed_in: &SignedIn,
    id: DeviceId,
) -> Result<StoredDevice, ConsoleError> {
    let devices = signed_in.workspace().devices;
    let find = async move { Ok(devices.find(id).await?) };
    let device = run_to_completion(request, signed_in.actor(), find).await?;
    device.ok_or(ConsoleError::NotFound)
}

/// Returns the precondition of a form: the revision of the device that its page showed.
fn precondition(sent: &Pairs) -> Result<Precondition, ConsoleError> {
    let revision = sent.get("revision").and_then(|text| text.parse().ok());
    let revision = revision.ok_or(ConsoleError::MalformedForm("it has no revision"))?;
    Ok(Precondition::AnyOf(vec![Revision(revision)]))
}

/// A device at the top of its pages.
struct DeviceHead {
    id: DeviceId,
    name: String,
    status: &'static str,
    is_archived: bool,
    revision: i64,
}

impl DeviceHead {
    fn new(stored: &StoredDevice) -> Self {
        Self {
            id: stored.device.id,
            name: stored.device.fields.identity.name.as_str().to_owned(),
            status: stored.client_status().as_str(),
            is_archived: stored.archived_at.is_some(),
            revision: stored.revision().0,
        }
    }

    /// Returns the path of the page of the device.
    fn path(&self) -> String {
        format!("{PATH}/devices/{}", self.id)
    }
}

/// A user on the pages of a device.
struct Person {
    id: devices_domain::UserId,
    name: String,
    email: String,
}

impl Person {
    fn new(assignee: &Assignee) -> Self {
        Self {
            id: assignee.id,
            name: assignee_name(assignee),
            email: assignee.email.as_str().to_owned(),
        }
    }
}
