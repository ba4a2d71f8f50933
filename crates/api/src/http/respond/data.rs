//! Responses with one object.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

/// Body with one object: `{"data": ...}`.
#[derive(Serialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

/// Returns a response with one object.
pub(crate) fn data(status: StatusCode, data: impl Serialize) -> HttpResponse {
    HttpResponse::build(status).json(Data { data })
}
