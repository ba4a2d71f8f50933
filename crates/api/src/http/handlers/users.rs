//! `/users`: the people that devices are given to.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{RawRow, User, UserChange, UserFields, UserId, UserPatch};
use serde::Serialize;

use crate::http::extract::auth::{ReadAccess, WriteAccess};
use crate::http::extract::body;
use crate::http::extract::json;
use crate::http::extract::prefer::Handling;
use crate::http::extract::query::{self, Parameters};
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::middleware::access_log::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::pagination::ListQuery;
use crate::http::state::State;

/// A user as answers show it: every key is always there.
#[derive(Serialize)]
struct ShownUser<'a> {
    id: UserId,
    #[serde(flatten)]
    fields: &'a UserFields,
}

impl<'a> ShownUser<'a> {
    fn of(user: &'a User) -> Self {
        Self {
            id: user.id,
            fields: &user.fields,
        }
    }
}

fn answer(status: StatusCode, user: &User) -> HttpResponse {
    json::data(status, ShownUser::of(user))
}

fn user_id(request: &HttpRequest) -> Result<UserId, ApiError> {
    query::id(request, "user_id").map(UserId)
}

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::of(&request);
    let asked = ListQuery::read(&request, actor.workspace, &mut parameters);
    let search = parameters.search();
    parameters.finish()?;
    let users = state.store.for_workspace(actor.workspace).users;
    let paging = asked.paging;
    let page = async move { Ok(users.list(search, paging).await?) };
    let page = run_to_completion(&state, page).await?;
    Ok(asked.answer(&page, page.items.iter().map(ShownUser::of)))
}

pub(crate) async fn get(
    request: HttpRequest,
    ReadAccess(actor): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let user = user_id(&request)?;
    let users = state.store.for_workspace(actor.workspace).users;
    let found = async move { Ok(users.find(user).await?) };
    let found = run_to_completion(&state, found).await?;
    let found = found.ok_or(ApiError::UserNotFound)?;
    Ok(answer(StatusCode::OK, &found))
}

pub(crate) async fn create(
    request: HttpRequest,
    WriteAccess(actor): WriteAccess,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let created = async {
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge = move |row: &RawRow<'_>| UserFields::from_row(row, handling.unknown_fields());
        let user = json::read_object(&mut body, RawRow::for_user, judge).await?;
        let users = state.store.for_workspace(actor.workspace).users;
        let origin = RequestContext::of(&request).origin(actor);
        let work = async move { Ok(users.create(user, Some(origin)).await?) };
        let created = run_to_completion(&state, work).await?;
        Ok(answer(StatusCode::CREATED, &created))
    };
    handling.applied_to(created.await)
}

pub(crate) async fn update(
    request: HttpRequest,
    WriteAccess(actor): WriteAccess,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let updated = async {
        let user = user_id(&request)?;
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge = move |row: &RawRow<'_>| {
            let patch = UserPatch::from_row(row, handling.unknown_fields())?;
            match row.present_fields().next() {
                None => Err(ApiError::EmptyPatchBody),
                Some(_) => Ok(patch),
            }
        };
        let patch = json::read_object(&mut body, RawRow::for_user, judge).await?;
        let users = state.store.for_workspace(actor.workspace).users;
        let change = UserChange {
            user,
            patch,
            origin: RequestContext::of(&request).origin(actor),
        };
        let work = async move { Ok(users.update(Arc::new(change)).await?) };
        let updated = run_to_completion(&state, work).await?;
        Ok(answer(StatusCode::OK, &updated))
    };
    handling.applied_to(updated.await)
}

pub(crate) async fn delete(
    request: HttpRequest,
    WriteAccess(actor): WriteAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let user = user_id(&request)?;
    let users = state.store.for_workspace(actor.workspace).users;
    let origin = RequestContext::of(&request).origin(actor);
    let work = async move { Ok(users.delete(user, origin).await?) };
    let deleted = run_to_completion(&state, work).await?;
    Ok(answer(StatusCode::OK, &deleted))
}
