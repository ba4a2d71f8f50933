//! Creation of a key.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{ApiKey, KeyError, KeyPrecondition, NewKeyFields, RawRow};

use super::created;
use super::errors::{duplicate, form_errors};
use super::form::{KeyForm, fill};
use crate::error::ConsoleError;
use crate::fields::FieldErrors;
use crate::form::Form;
use crate::respond::page;
use crate::run_to_completion::run_to_completion;
use crate::session::{AdminAccess, SignedIn, console};

pub(super) async fn show(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
) -> Result<HttpResponse, ConsoleError> {
    let newest = super::newest(&request, &signed_in).await?;
    page(StatusCode::OK, &KeyForm::new(&signed_in, newest))
}

pub(super) async fn create(
    request: HttpRequest,
    AdminAccess(signed_in): AdminAccess,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let sent = &form.values;
    let precondition = super::precondition(sent)?;
    let mut row = RawRow::for_new_key();
    fill(&mut row, &["name", "scope", "expires_in"], sent);
    let error = match NewKeyFields::from_row(&row) {
        Err(report) => Err(FieldErrors::new(&report)),
        Ok(fields) => match store(&request, &signed_in, fields, precondition).await? {
            Ok((key, secret)) => return created::show(&signed_in, key, secret, None),
            Err(KeyError::CreatedSince(key)) => Ok(duplicate(&key)),
            Err(error) => Err(form_errors(error)?),
        },
    };
    let newest = super::newest(&request, &signed_in).await?;
    let form = KeyForm::new(&signed_in, newest);
    match error {
        Ok(duplicate) => {
            let mut form = form.with_errors(sent, &FieldErrors::default());
            form.duplicate = Some(duplicate);
            page(StatusCode::CONFLICT, &form)
        }
        Err(errors) => {
            let form = form.with_errors(sent, &errors);
            page(StatusCode::UNPROCESSABLE_ENTITY, &form)
        }
    }
}

/// Stores a key. Returns it with its secret.
async fn store(
    request: &HttpRequest,
    signed_in: &SignedIn,
    fields: NewKeyFields,
    precondition: KeyPrecondition,
) -> Result<Result<(ApiKey, String), KeyError>, ConsoleError> {
    let secret = console(request)?
        .0
        .new_key_secret(signed_in.actor().workspace);
    let keys = signed_in.workspace().keys;
    let (stored, origin) = (secret.stored, signed_in.origin.clone());
    let create = async move { Ok(keys.create(fields, stored, precondition, origin).await) };
    let created = run_to_completion(request, signed_in.actor(), create).await?;
    Ok(created.map(|key| (key, secret.text)))
}
