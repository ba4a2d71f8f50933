//! `/users`: the people that devices are given to.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{RawRow, User, UserChange, UserFields, UserId, UserPatch};
use serde::Serialize;

use crate::http::extract::auth::{Reader, Writer};
use crate::http::extract::body;
use crate::http::extract::json;
use crate::http::extract::prefer::Handling;
use crate::http::extract::query::{self, Parameters};
use crate::http::limits::run_to_completion::carried_out;
use crate::http::middleware::access_log::Facts;
use crate::http::respond::api_error::Problem;
use crate::http::respond::pagination::Asked;
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

fn user_id(request: &HttpRequest) -> Result<UserId, Problem> {
    query::id(request, "user_id").map(UserId)
}

pub(crate) async fn list(
    request: HttpRequest,
    Reader(actor): Reader,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let asked = Asked::read(&request, actor.workspace, &mut parameters);
    let search = parameters.search();
    parameters.finish()?;
    let users = state.users.of_workspace(actor.workspace);
    let paging = asked.paging;
    let page = async move { Ok(users.list(search, paging).await?) };
    let page = carried_out(&state, page).await?;
    Ok(asked.answer(&page, page.items.iter().map(ShownUser::of)))
}

pub(crate) async fn get(
    request: HttpRequest,
    Reader(actor): Reader,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let user = user_id(&request)?;
    let users = state.users.of_workspace(actor.workspace);
    let found = async move { Ok(users.find(user).await?) };
    let found = carried_out(&state, found).await?;
    let found = found.ok_or(Problem::UserNotFound)?;
    Ok(answer(StatusCode::OK, &found))
}

pub(crate) async fn create(
    request: HttpRequest,
    Writer(actor): Writer,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let created = async {
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge = move |row: &RawRow<'_>| UserFields::from_row(row, handling.unknown_fields());
        let user = json::read_object(&mut body, RawRow::of_user, judge).await?;
        let users = state.users.of_workspace(actor.workspace);
        let origin = Facts::of(&request).origin(actor);
        let work = async move { Ok(users.create(user, Some(origin)).await?) };
        let created = carried_out(&state, work).await?;
        Ok(answer(StatusCode::CREATED, &created))
    };
    handling.applied_to(created.await)
}

pub(crate) async fn update(
    request: HttpRequest,
    Writer(actor): Writer,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let updated = async {
        let user = user_id(&request)?;
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge = move |row: &RawRow<'_>| {
            let patch = UserPatch::from_row(row, handling.unknown_fields())?;
            match row.known().next() {
                None => Err(Problem::EmptyPatchBody),
                Some(_) => Ok(patch),
            }
        };
        let patch = json::read_object(&mut body, RawRow::of_user, judge).await?;
        let users = state.users.of_workspace(actor.workspace);
        let change = UserChange {
            user,
            patch,
            origin: Facts::of(&request).origin(actor),
        };
        let work = async move { Ok(users.update(Arc::new(change)).await?) };
        let updated = carried_out(&state, work).await?;
        Ok(answer(StatusCode::OK, &updated))
    };
    handling.applied_to(updated.await)
}

pub(crate) async fn delete(
    request: HttpRequest,
    Writer(actor): Writer,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let user = user_id(&request)?;
    let users = state.users.of_workspace(actor.workspace);
    let origin = Facts::of(&request).origin(actor);
    let work = async move { Ok(users.delete(user, origin).await?) };
    let deleted = carried_out(&state, work).await?;
    Ok(answer(StatusCode::OK, &deleted))
}
