//! `/mdm/enrollments`: what device management reports.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{
    EnrollmentFields, EnrollmentReport, FieldError, FieldValue, RawRow, RawValue, Reason,
    SerialNumber,
};

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

/// The serial number in the path, by the rules of devices' serial numbers.
fn serial_number(path: &web::Path<String>) -> Result<SerialNumber, Problem> {
    SerialNumber::parse(&RawValue::text(path.as_str())).map_err(|refusal| {
        let field = "serial_number";
        query::refused(FieldError::of(
            field,
            refusal.code,
            refusal.reason,
            refusal.detail,
        ))
    })
}

pub(crate) async fn list(
    request: HttpRequest,
    Reader(actor): Reader,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request);
    let asked = Asked::read(&request, actor.workspace, &mut parameters);
    let linked = parameters.read("linked", |text| {
        let linked = text.parse().map_err(|_| "must be true or false".to_owned());
        linked.map_err(|detail| (Reason::NotInEnum, detail))
    });
    parameters.finish()?;
    let enrollments = state.enrollments.of_workspace(actor.workspace);
    let paging = asked.paging;
    let page = async move { Ok(enrollments.list(linked, paging).await?) };
    let page = carried_out(&state, page).await?;
    Ok(asked.answer(&page, page.items.iter()))
}

pub(crate) async fn put(
    request: HttpRequest,
    path: web::Path<String>,
    Writer(actor): Writer,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    let handling = Handling::of(request.headers());
    let put = async {
        let serial_number = serial_number(&path)?;
        let mut body = body::read(&request, payload, &state, actor.workspace).await?;
        let judge =
            move |row: &RawRow<'_>| EnrollmentFields::from_row(row, handling.unknown_fields());
        let fields = json::read_object(&mut body, RawRow::of_enrollment, judge).await?;
        let enrollments = state.enrollments.of_workspace(actor.workspace);
        let report = EnrollmentReport {
            serial_number,
            fields,
            origin: Facts::of(&request).origin(actor),
        };
        let work = async move { Ok(enrollments.put(Arc::new(report)).await?) };
        let (stored, is_new) = carried_out(&state, work).await?;
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
    Writer(actor): Writer,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    let serial_number = serial_number(&path)?;
    let enrollments = state.enrollments.of_workspace(actor.workspace);
    let origin = Facts::of(&request).origin(actor);
    let work = async move { Ok(enrollments.delete(serial_number, origin).await?) };
    let deleted = carried_out(&state, work).await?;
    let deleted = deleted.ok_or(Problem::EnrollmentNotFound)?;
    Ok(json::data(StatusCode::OK, deleted))
}
