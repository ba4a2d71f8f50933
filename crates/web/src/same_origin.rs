//! Protection against requests that pages of other origins send (CSRF).

use actix_web::Error;
use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::ORIGIN;
use actix_web::middleware::Next;

use crate::error::ConsoleError;

/// Rejects requests other than GET and HEAD unless a page of the console sent them.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.method().is_safe() && !is_same_origin(request.request()) {
        return Ok(request.error_response(ConsoleError::CrossOrigin));
    }
    let response = next.call(request).await;
    response.map(ServiceResponse::map_into_boxed_body)
}

/// Returns whether a page of the same origin sent the request. Browsers send `Sec-Fetch-Site` to
/// HTTPS and to the local host only. Without it, the host in `Origin` must be the requested one.
pub(crate) fn is_same_origin(request: &HttpRequest) -> bool {
    if let Some(site) = request.headers().get("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = request.headers().get(ORIGIN);
    let host = origin.and_then(|origin| origin.to_str().ok()?.split_once("://"));
    // `host` respects the headers of a proxy. A page of another origin cannot set them.
    host.is_some_and(|(_, host)| host.eq_ignore_ascii_case(request.connection_info().host()))
}
