//! `/mdm/enrollments`: enrolments in device management (MDM).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{
    EnrollmentFields, EnrollmentFilter, EnrollmentReport, IdentifierKey, RawRow, SerialNumber,
    UnknownFields,
};

use crate::http::extract::auth::{AuditOrigin, ReadAccess, WriteAccess};
use crate::http::extract::json_object::{FromObject, JsonObject};
use crate::http::extract::path::PathParam;
use crate::http::extract::query::QueryParams;
use crate::http::extract::query_values::{
    parse_boolean, parse_identifier_key, parse_instant_or_date,
};
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::data::data;
use crate::http::respond::pagination::ListQuery;
use crate::http::state::State;

impl FromObject for EnrollmentFields {
    fn empty_row() -> RawRow<'static> {
        RawRow::for_enrollment()
    }

    fn validate(row: &RawRow<'_>, unknown_fields: UnknownFields) -> Result<Self, ApiError> {
        Ok(Self::from_row(row, unknown_fields)?)
    }
}

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor, store): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (query, filter) = QueryParams::read(&request, |parameters| {
        let query = ListQuery::read(&request, actor.workspace, parameters);
        let filter = EnrollmentFilter {
            linked: parameters.parse("linked", parse_boolean),
            serial_number: parameters.parse("serial_number", parse_identifier_key),
            updated_since: parameters.parse("updated_since", parse_instant_or_date),
        };
        (query, filter)
    })?;
    let enrollments = store.enrollments;
    let paging = query.paging;
    let page = async move { Ok(enrollments.list(filter, paging).await?) };
    let page = run_to_completion(&state, actor, page).await?;
    Ok(query.response(&page, page.items.iter()))
}

pub(crate) async fn get(
    ReadAccess(actor, store): ReadAccess,
    PathParam(serial_number): PathParam<IdentifierKey>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let enrollments = store.enrollments;
    let find = async move { Ok(enrollments.find(serial_number).await?) };
    let stored = run_to_completion(&state, actor, find).await?;
    let stored = stored.ok_or(ApiError::EnrollmentNotFound)?;
    Ok(data(StatusCode::OK, stored))
}

pub(crate) async fn put(
    WriteAccess(actor, store): WriteAccess,
    PathParam(serial_number): PathParam<SerialNumber>,
    AuditOrigin(origin): AuditOrigin,
    JsonObject(fields): JsonObject<EnrollmentFields>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let enrollments = store.enrollments;
    let report = EnrollmentReport {
        serial_number,
        fields,
        origin,
    };
    let put = async move { Ok(enrollments.put(Arc::new(report)).await?) };
    let (stored, is_new) = run_to_completion(&state, actor, put).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(data(status, stored))
}

pub(crate) async fn delete(
    WriteAccess(actor, store): WriteAccess,
    PathParam(serial_number): PathParam<IdentifierKey>,
    AuditOrigin(origin): AuditOrigin,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let enrollments = store.enrollments;
    let delete = async move { Ok(enrollments.delete(serial_number, origin).await?) };
    let deleted = run_to_completion(&state, actor, delete).await?;
    let deleted = deleted.ok_or(ApiError::EnrollmentNotFound)?;
    Ok(data(StatusCode::OK, deleted))
}
