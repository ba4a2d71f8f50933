//! Responses with one object.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

/// Returns a response with one object: `{"data": ...}`.
pub(crate) fn data(status: StatusCode, data: impl Serialize) -> HttpResponse {
    #[derive(Serialize)]
    struct Body<T> {
        data: T,
    }
    HttpResponse::build(status).json(Body { data })
}
