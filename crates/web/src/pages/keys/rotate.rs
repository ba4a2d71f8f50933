//! Rotation of a key: a new key replaces it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use devices_domain::{ApiKey, KeyError, KeyId, KeyPrecondition, RawRow, RawValue, RotationFields};

use super::created::{self, Replaced};
use super::errors::{duplicate, message};
use super::form::{Duplicate, fill, with_choices};
use crate::error::ConsoleError;
use crate::fields::FormField;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::respond::page;
use crate::run_to_completion::run_to_completion;
use crate::session::{AdminAccess, SignedIn, console};
use crate::texts::EN;

/// Minimum overlap of the key of the session. A second click can discard the response with the new
/// secret, which no other page shows: without an overlap, nobody could sign in.
const MIN_OWN_OVERLAP: TimeDelta = TimeDelta::hours(1);

/// Form of a rotation.
#[derive(Template)]
#[template(path = "keys/rotate.html")]
struct RotateForm {
    frame: Frame,
    key: ApiKey,
    is_own: bool,
    newest: Option<KeyId>,
    duplicate: Option<Duplicate>,
    error: Option<String>,
    overlap: FormField,
}

impl RotateForm {
    fn new(signed_in: &SignedIn, key: ApiKey, newest: Option<KeyId>) -> Self {
        let texts = &EN.keys;
        let is_own = key.id == signed_in.actor().key;
        let overlaps = [
            ("0s", texts.at_once),
            ("1h", texts.hours_1),
            ("24h", texts.hours_24),
            ("7d", texts.days_7),
            ("30d", texts.days_30),
        ];
        let overlaps = if is_own { &overlaps[1..] } else { &overlaps };
        let overlap = FormField::new(&RotationFields::FIELDS[0], &RawValue::Absent);
        Self {
            frame: Frame::new(signed_in, Section::Keys, texts.rotate_title),
            is_own,
            key,
            newest,
            duplicate: None,
            error: None,
            overlap: FormField {
                label: texts.overlap.to_owned(),
                ..with_choices(overlap, overlaps, "24h")
            },
        }
    }
}

pub(super) async fn show(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let (key, newest) = super::find(&request, &signed_in, KeyId(*id)).await?;
    page(StatusCode::OK, &RotateForm::new(&signed_in, key, newest))
}

/// Rotates a key and shows the secret of the new one. Nothing that can fail comes after the
/// rotation: no other page shows the secret.
pub(super) async fn rotate(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
    id: web::Path<i64>,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let id = KeyId(*id);
    let precondition = super::precondition(&form.values)?;
    let mut row = RawRow::for_rotation();
    fill(&mut row, &["overlap"], &form.values);
    let rotation = RotationFields::from_row(&row);
    let rotation = rotation.map_err(|_| ConsoleError::MalformedForm("the overlap is invalid"))?;
    let (old, newest) = super::find(&request, &signed_in, id).await?;
    let overlap = rotation.overlap().to_delta();
    if id == signed_in.actor().key && overlap < MIN_OWN_OVERLAP {
        let mut form = RotateForm::new(&signed_in, old, newest);
        form.error = Some(EN.keys.own_overlap.to_owned());
        return page(StatusCode::UNPROCESSABLE_ENTITY, &form);
    }
    let until = Utc::now() + overlap;
    match store(&request, &signed_in, id, until, precondition).await? {
        Ok((new, secret)) => {
            let replaced = Replaced::new(old, until, &signed_in);
            created::show(&signed_in, new, secret, Some(replaced))
        }
        Err(error) => show_again(&request, &signed_in, id, error).await,
    }
}

/// Shows the form with the reason why the key was not rotated.
async fn show_again(
    request: &HttpRequest,
    signed_in: &SignedIn,
    id: KeyId,
    error: KeyError,
) -> Result<HttpResponse, ConsoleError> {
    let (key, newest) = super::find(request, signed_in, id).await?;
    let mut form = RotateForm::new(signed_in, key, newest);
    match error {
        KeyError::CreatedSince(key) => form.duplicate = Some(duplicate(&key)),
        error => form.error = Some(message(error)?),
    }
    page(StatusCode::CONFLICT, &form)
}

/// Rotates a key. Returns the new key with its secret.
async fn store(
    request: &HttpRequest,
    signed_in: &SignedIn,
    old: KeyId,
    until: DateTime<Utc>,
    precondition: KeyPrecondition,
) -> Result<Result<(ApiKey, String), KeyError>, ConsoleError> {
    let secret = console(request)?
        .0
        .new_key_secret(signed_in.actor().workspace);
    let keys = signed_in.workspace().keys;
    let (stored, origin) = (secret.stored, signed_in.origin.clone());
    let rotate = async move { Ok(keys.rotate(old, stored, until, precondition, origin).await) };
    let rotated = run_to_completion(request, signed_in.actor(), rotate).await?;
    Ok(rotated.map(|key| (key, secret.text)))
}
