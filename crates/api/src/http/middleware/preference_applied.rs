//! Confirms `Prefer: handling=lenient` (RFC 7240) in the responses of operations that honour it.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;

use crate::http::extract::prefer::Handling;

/// Adds `Preference-Applied` to the response, even if it is an error.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let handling = Handling::from_headers(request.headers());
    let mut response = next.call(request).await?;
    if handling == Handling::Lenient {
        // The handler may have confirmed another preference.
        response.headers_mut().append(
            HeaderName::from_static("preference-applied"),
            HeaderValue::from_static("handling=lenient"),
        );
    }
    Ok(response)
}
