//! `/mdm/enrollments`: what device management reports.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{
    EnrollmentFields, EnrollmentReport, FieldError, FieldValue, RawRow, RawValue, Reason,
    SerialNumber,
};

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

/// The serial number in the path, by the rules of devices' serial numbers.
fn serial_number(path: &web::Path<String>) -> Result<SerialNumber, ApiError> {
    SerialNumber::parse(&RawValue::text(path.as_str())).map_err(|refusal| {
        let field = "serial_number";
        query::refused(FieldError::new(
            field,
            refusal.code,
            refusal.reason,
            refusal.detail,
        ))
    })
}

pub(crate) async fn list(
    request: HttpRequest,
    ReadAccess(actor): ReadAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut parameters = Parameters::of(&request);
    let asked = ListQuery::read(&request, actor.workspace, &mut parameters);
    let linked = parameters.read("linked", |text| {
        let linked = text.parse().map_err(|_| "must be true or false".to_owned());
        linked.map_err(|detail| (Reason::NotInEnum, detail))
    });
    parameters.finish()?;
    let enrollments = state.store.for_workspace(actor.workspace).enrollments;
    let paging = asked.paging;
    let page = async move { Ok(enrollments.list(linked, paging).await?) };
    let page = run_to_completion(&state, page).await?;
    Ok(asked.answer(&page, page.items.iter()))
}

pub(crate) async fn put(
    request: HttpRequest,
    path: web::Path<String>,
    WriteAccess(actor): WriteAccess,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let put = async {
        let serial_number = serial_number(&path)?;
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge =
            move |row: &RawRow<'_>| EnrollmentFields::from_row(row, handling.unknown_fields());
        let fields = json::read_object(&mut body, RawRow::for_enrollment, judge).await?;
        let enrollments = state.store.for_workspace(actor.workspace).enrollments;
        let report = EnrollmentReport {
            serial_number,
            fields,
            origin: RequestContext::of(&request).origin(actor),
        };
        let work = async move { Ok(enrollments.put(Arc::new(report)).await?) };
        let (stored, is_new) = run_to_completion(&state, work).await?;
        let status = match is_new {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        Ok(json::data(status, stored))
    };
    handling.applied_to(put.await)
}

pub(crate) async fn delete(
    request: HttpRequest,
    path: web::Path<String>,
    WriteAccess(actor): WriteAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let serial_number = serial_number(&path)?;
    let enrollments = state.store.for_workspace(actor.workspace).enrollments;
    let origin = RequestContext::of(&request).origin(actor);
    let work = async move { Ok(enrollments.delete(serial_number, origin).await?) };
    let deleted = run_to_completion(&state, work).await?;
    let deleted = deleted.ok_or(ApiError::EnrollmentNotFound)?;
    Ok(json::data(StatusCode::OK, deleted))
}
