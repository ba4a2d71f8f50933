//! Creation of a user.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{
    Author, ChangeUserError, RawRow, UnknownFields, User, UserFields, UserId, user_fields,
};

use super::errors::form_errors;
use super::form::UserForm;
use crate::error::ConsoleError;
use crate::fields::{FieldErrors, read_row};
use crate::form::Form;
use crate::query::Pairs;
use crate::respond::{page, see_other};
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, WriteAccess};

pub(super) async fn show(
    WriteAccess(signed_in): WriteAccess,
) -> Result<HttpResponse, ConsoleError> {
    page(StatusCode::OK, &UserForm::new(&signed_in))
}

pub(super) async fn create(
    request: HttpRequest,
    WriteAccess(signed_in): WriteAccess,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let fields = match read(&form.values) {
        Ok(fields) => fields,
        Err(errors) => return rejected(&signed_in, &form.values, &errors),
    };
    let created = store(&request, &signed_in, fields.clone()).await?;
    match created {
        Ok(user) => Ok(see_other(&format!("/users/{}?notice=created", user.id))),
        Err(ChangeUserError::EmailTaken(holder))
            if is_same(&request, &signed_in, holder, &fields).await? =>
        {
            // The same form was sent twice, or the user was created before.
            Ok(see_other(&format!("/users/{holder}?notice=exists")))
        }
        Err(error) => rejected(&signed_in, &form.values, &form_errors(error)?),
    }
}

fn read(sent: &Pairs) -> Result<UserFields, FieldErrors> {
    let mut row = RawRow::for_user();
    let fields: Vec<_> = user_fields().iter().collect();
    read_row(&mut row, &fields, sent);
    let user = UserFields::from_row(&row, UnknownFields::Reject);
    user.map_err(|report| FieldErrors::new(&report))
}

async fn store(
    request: &HttpRequest,
    signed_in: &SignedIn,
    fields: UserFields,
) -> Result<Result<User, ChangeUserError>, ConsoleError> {
    let users = signed_in.workspace().users;
    let author = Author::Request(signed_in.origin.clone());
    let create = async move { Ok(users.create(fields, author).await) };
    run_to_completion(request, signed_in.actor(), create).await
}

/// Returns whether a user has exactly these fields.
async fn is_same(
    request: &HttpRequest,
    signed_in: &SignedIn,
    user: UserId,
    fields: &UserFields,
) -> Result<bool, ConsoleError> {
    match super::find(request, signed_in, user).await {
        Ok(user) => Ok(user.fields == *fields),
        Err(ConsoleError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

fn rejected(
    signed_in: &SignedIn,
    sent: &Pairs,
    errors: &FieldErrors,
) -> Result<HttpResponse, ConsoleError> {
    let form = UserForm::new(signed_in).with_errors(sent, errors);
    page(StatusCode::UNPROCESSABLE_ENTITY, &form)
}
