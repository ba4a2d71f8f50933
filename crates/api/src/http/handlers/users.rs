//! `/users`: users, to whom devices are assigned.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{
    Author, RawRow, UnknownFields, User, UserChange, UserFields, UserFilter, UserId, UserPatch,
};

use crate::http::extract::auth::{AuditOrigin, ReadAccess, WriteAccess};
use crate::http::extract::json_object::{FromObject, JsonObject};
use crate::http::extract::path::PathParam;
use crate::http::extract::query::QueryParams;
use crate::http::extract::query_values::parse_instant_or_date;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::data::data;
use crate::http::respond::pagination::ListQuery;
use crate::http::respond::views::UserView;
use crate::http::state::State;

fn user_response(status: StatusCode, user: &User) -> HttpResponse {
    data(status, UserView::of(user))
}

impl FromObject for UserFields {
    fn empty_row() -> RawRow<'static> {
        RawRow::for_user()
    }

    fn validate(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ApiError> {
        Ok(Self::from_row(row, unknown_fields)?)
    }
}

impl FromObject for UserPatch {
    fn empty_row() -> RawRow<'static> {
        RawRow::for_user()
    }

    fn validate(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ApiError> {
        let patch = Self::from_row(row, unknown_fields)?;
        if row.present_fields().next().is_none() {
            return Err(ApiError::EmptyPatchBody);
        }
        Ok(patch)
    }
}

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor, store): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (query, filter) = QueryParams::read(&request, |parameters| {
        let query = ListQuery::read(&request, actor.workspace, parameters);
        let filter = UserFilter {
            search: parameters.search(),
            updated_since: parameters.parse("updated_since", parse_instant_or_date),
        };
        (query, filter)
    })?;
    let users = store.users;
    let paging = query.paging;
    let page = async move { Ok(users.list(filter, paging).await?) };
    let page = run_to_completion(&state, actor, page).await?;
    Ok(query.response(&page, page.items.iter().map(UserView::of)))
}

pub(crate) async fn get(
    ReadAccess(actor, store): ReadAccess,
    PathParam(user): PathParam<UserId>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let users = store.users;
    let find = async move { Ok(users.find(user).await?) };
    let user = run_to_completion(&state, actor, find).await?;
    let user = user.ok_or(ApiError::UserNotFound)?;
    Ok(user_response(StatusCode::OK, &user))
}

pub(crate) async fn create(
    WriteAccess(actor, store): WriteAccess,
    AuditOrigin(origin): AuditOrigin,
    JsonObject(user): JsonObject<UserFields>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let users = store.users;
    let create = async move { Ok(users.create(user, Author::Request(origin)).await?) };
    let created = run_to_completion(&state, actor, create).await?;
    Ok(user_response(StatusCode::CREATED, &created))
}

pub(crate) async fn update(
    WriteAccess(actor, store): WriteAccess,
    PathParam(user): PathParam<UserId>,
    AuditOrigin(origin): AuditOrigin,
    JsonObject(patch): JsonObject<UserPatch>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let users = store.users;
    let change = UserChange {
        user,
        patch,
        origin,
    };
    let update = async move { Ok(users.update(Arc::new(change)).await?) };
    let updated = run_to_completion(&state, actor, update).await?;
    Ok(user_response(StatusCode::OK, &updated))
}

pub(crate) async fn delete(
    WriteAccess(actor, store): WriteAccess,
    PathParam(user): PathParam<UserId>,
    AuditOrigin(origin): AuditOrigin,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let users = store.users;
    let delete = async move { Ok(users.delete(user, origin).await?) };
    let deleted = run_to_completion(&state, actor, delete).await?;
    Ok(user_response(StatusCode::OK, &deleted))
}
