//! Rejection of query parameters on routes that have none.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use crate::http::extract::query::QueryParams;

/// Rejects a request with any query parameter, before its body is read.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match QueryParams::read(request.request(), |_| ()) {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        // A response and not an `Err`, so that the outer middleware adds its headers to it.
        Err(error) => Ok(request.error_response(error)),
    }
}
