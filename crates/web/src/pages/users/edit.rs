//! Change of a user.
//!
//! Users have no revision. The form carries the values that it was rendered with, and a change
//! sends only the fields that differ from them, so that it keeps the changes of others. A field
//! that somebody else changed, too, is shown again with both values.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{ChangeUserError, RawRow, UnknownFields, User, UserChange, UserId, UserPatch};

use super::changes::UserChanges;
use super::errors::form_errors;
use super::form::UserForm;
use crate::error::ConsoleError;
use crate::fields::FieldErrors;
use crate::form::Form;
use crate::query::Pairs;
use crate::respond::{page, see_other};
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};
use crate::texts::{self, EN};

pub(super) async fn show(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let user = super::find(&request, &signed_in, UserId(*id)).await?;
    let form = UserForm::of(&signed_in, user.id, &user.fields.to_row());
    page(StatusCode::OK, &form)
}

pub(super) async fn save(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    id: web::Path<i64>,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let user = super::find(&request, &signed_in, UserId(*id)).await?;
    let stored = user.fields.to_row();
    let rendered = UserForm::of(&signed_in, user.id, &stored);
    let sent = &form.values;
    let changes = UserChanges::new(&stored, sent);
    if !changes.conflicts.is_empty() {
        let form = with_conflicts(rendered, sent, &changes);
        return page(StatusCode::CONFLICT, &form);
    }
    if changes.is_empty() {
        // A form that was sent twice has saved its changes the first time.
        let otherwise = if changes.is_stored {
            "saved"
        } else {
            "unchanged"
        };
        let notice = notice(&changes, otherwise);
        return Ok(see_other(&format!("/users/{}?notice={notice}", user.id)));
    }
    let errors = match UserPatch::from_row(&changes.row, UnknownFields::Reject) {
        Err(report) => FieldErrors::new(&report),
        Ok(patch) => match update(&request, &signed_in, user.id, patch).await? {
            Ok(_) => {
                let notice = notice(&changes, "saved");
                return Ok(see_other(&format!("/users/{}?notice={notice}", user.id)));
            }
            Err(error) => form_errors(error)?,
        },
    };
    let form = rendered.with_errors(sent, &errors);
    page(StatusCode::UNPROCESSABLE_ENTITY, &form)
}

/// Returns the notice of a change, which tells of the changes of others.
fn notice(changes: &UserChanges, otherwise: &'static str) -> &'static str {
    if changes.has_other_changes {
        "merged"
    } else {
        otherwise
    }
}

async fn update(
    request: &HttpRequest,
    signed_in: &SignedIn,
    user: UserId,
    patch: UserPatch,
) -> Result<Result<User, ChangeUserError>, ConsoleError> {
    let users = signed_in.workspace().users;
    let change = UserChange {
        user,
        patch,
        origin: signed_in.origin.clone(),
    };
    let update = async move { Ok(users.update(Arc::new(change)).await) };
    run_to_completion(request, signed_in.actor(), update).await
}

/// Shows both values of the fields that somebody else changed, too. Sending the form again replaces
/// the values of others.
fn with_conflicts(mut form: UserForm, sent: &Pairs, changes: &UserChanges) -> UserForm {
    let changed = |row: &RawRow<'_>, name| row.present_fields().any(|(other, _)| other == name);
    for field in &mut form.fields {
        if !changed(&changes.row, field.name) {
            continue;
        }
        if changes.conflicts.contains(&field.name) {
            field.error = Some(texts::fill(
                EN.users.changed_by_others,
                &[("value", &field.value)],
            ));
        }
        if let Some(value) = sent.raw(field.name) {
            value.clone_into(&mut field.value);
        }
    }
    form.warning = Some(EN.users.conflict.to_owned());
    form
}
