//! Revocation of a key.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;
use devices_domain::{ApiKey, KeyId, KeyState};

use super::errors::message;
use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::respond::{page, see_other};
use crate::run_to_completion::run_to_completion;
use crate::session::{AdminAccess, SignedIn};
use crate::texts::EN;

/// Confirmation of a revocation.
#[derive(Template)]
#[template(path = "keys/revoke.html")]
struct RevokeForm {
    frame: Frame,
    key: ApiKey,
    state: KeyState,
    is_own: bool,
    error: Option<String>,
}

impl RevokeForm {
    fn new(signed_in: &SignedIn, key: ApiKey, error: Option<String>) -> Self {
        Self {
            frame: Frame::new(signed_in, Section::Keys, EN.keys.revoke_title),
            state: key.state(Utc::now()),
            is_own: key.id == signed_in.actor().key,
            key,
            error,
        }
    }
}

pub(super) async fn show(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let (key, _) = super::find(&request, &signed_in, KeyId(*id)).await?;
    page(StatusCode::OK, &RevokeForm::new(&signed_in, key, None))
}

/// Revokes a key. Sending the form again is harmless.
pub(super) async fn revoke(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let id = KeyId(*id);
    let keys = signed_in.workspace().keys;
    let origin = signed_in.origin.clone();
    let revoke = async move { Ok(keys.revoke(id, origin).await) };
    match run_to_completion(&request, signed_in.actor(), revoke).await? {
        // The session has ended with its key.
        Ok(revoked) if revoked.id == signed_in.actor().key => Ok(see_other("/sign-in")),
        Ok(_) => Ok(see_other("/keys?notice=revoked")),
        Err(error) => {
            let error = message(error)?;
            let (key, _) = super::find(&request, &signed_in, id).await?;
            let form = RevokeForm::new(&signed_in, key, Some(error));
            page(StatusCode::CONFLICT, &form)
        }
    }
}
