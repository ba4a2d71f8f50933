//! `/batches`: stored batches and their undo.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use devices_domain::{BatchFilter, BatchId, KeyId};

use crate::http::extract::auth::{AuditOrigin, ReadAccess, WriteAccess};
use crate::http::extract::empty_body::EmptyBody;
use crate::http::extract::path::PathParam;
use crate::http::extract::query::{QueryParams, parse_integer};
use crate::http::extract::query_values::{parse_boolean, parse_instant_or_date};
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::data::data;
use crate::http::respond::pagination::ListQuery;
use crate::http::respond::views::BatchView;
use crate::http::state::State;

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor, store): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (query, filter) = QueryParams::read(&request, |parameters| {
        let query = ListQuery::read(&request, actor.workspace, parameters);
        let key = parameters.parse("key_id", |text| parse_integer(text, 1..=i64::MAX));
        let filter = BatchFilter {
            since: parameters.parse("since", parse_instant_or_date),
            key: key.map(KeyId),
        };
        (query, filter)
    })?;
    let batches = store.batches;
    let paging = query.paging;
    let page = async move { Ok(batches.list(filter, paging).await?) };
    let page = run_to_completion(&state, actor, page).await?;
    Ok(query.response(&page, page.items.iter().map(BatchView::of)))
}

pub(crate) async fn get(
    ReadAccess(actor, store): ReadAccess,
    PathParam(batch): PathParam<BatchId>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let batches = store.batches;
    let find = async move { Ok(batches.find(batch).await?) };
    let found = run_to_completion(&state, actor, find).await?;
    let found = found.ok_or(ApiError::BatchNotFound)?;
    Ok(data(StatusCode::OK, BatchView::of(&found)))
}

/// The parameter `include_changed` of an undo, `false` if it is absent.
pub(crate) struct IncludeChanged(bool);

impl FromRequest for IncludeChanged {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = QueryParams::read(request, |parameters| {
            parameters.parse("include_changed", parse_boolean)
        });
        ready(read.map(|include_changed| Self(include_changed.unwrap_or(false))))
    }
}

pub(crate) async fn preview_undo(
    ReadAccess(actor, store): ReadAccess,
    PathParam(batch): PathParam<BatchId>,
    IncludeChanged(include_changed): IncludeChanged,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let batches = store.batches;
    let preview = async move { Ok(batches.preview_undo(batch, include_changed).await?) };
    let undo = run_to_completion(&state, actor, preview).await?;
    Ok(data(StatusCode::OK, undo.ok_or(ApiError::BatchNotFound)?))
}

/// Archives the devices that a batch created. Sending the request again is harmless.
pub(crate) async fn undo(
    WriteAccess(actor, store): WriteAccess,
    PathParam(batch): PathParam<BatchId>,
    IncludeChanged(include_changed): IncludeChanged,
    AuditOrigin(origin): AuditOrigin,
    EmptyBody: EmptyBody,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let batches = store.batches;
    let undo = async move { Ok(batches.undo(batch, include_changed, origin).await?) };
    let undone = run_to_completion(&state, actor, undo).await?;
    Ok(data(StatusCode::OK, undone.ok_or(ApiError::BatchNotFound)?))
}
