//! Deletion of a user.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use devices_domain::{ChangeUserError, UserId};

use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::respond::{page, see_other};
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::{self, EN};

/// Confirmation of a deletion, or the reason why the user cannot be deleted.
#[derive(Template)]
#[template(path = "users/delete.html")]
struct DeleteUser {
    frame: Frame,
    id: UserId,
    name: String,
    /// Number of assigned devices, with its noun. `None` if the user can be deleted.
    blocked_by: Option<String>,
}

pub(super) async fn show(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    respond(&request, &signed_in, UserId(*id), StatusCode::OK).await
}

pub(super) async fn delete(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let id = UserId(*id);
    let users = signed_in.workspace().users;
    let origin = signed_in.origin.clone();
    let delete = async move { Ok(users.delete(id, origin).await) };
    match run_to_completion(&request, signed_in.actor(), delete).await? {
        Ok(_) => Ok(see_other("/users?notice=deleted")),
        // The form was sent twice, or somebody else was faster.
        Err(ChangeUserError::NotFound) => Ok(see_other("/users?notice=gone")),
        Err(ChangeUserError::HasDevices) => {
            respond(&request, &signed_in, id, StatusCode::CONFLICT).await
        }
        Err(ChangeUserError::Repository(error)) => Err(error.into()),
        Err(error) => Err(ConsoleError::Internal(error.into())),
    }
}

async fn respond(
    request: &HttpRequest,
    signed_in: &SignedIn,
    id: UserId,
    status: StatusCode,
) -> Result<HttpResponse, ConsoleError> {
    let user = super::find(request, signed_in, id).await?;
    let count = super::count_devices(request, signed_in, id).await?;
    let devices = texts::count(count, EN.users.one_device, EN.users.devices);
    let form = DeleteUser {
        frame: Frame::new(signed_in, Section::Users, EN.users.delete_title),
        id,
        name: super::display_name(&user),
        blocked_by: (count > 0).then_some(devices),
    };
    page(status, &form)
}
