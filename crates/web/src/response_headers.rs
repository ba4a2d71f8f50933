//! Headers of every response of the console.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
};
use actix_web::middleware::Next;

const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ),
    // With `no-referrer`, browsers send `Origin: null` with forms, and the check of the origin
    // could not accept them (Fetch, "append a request Origin header").
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// Adds the headers to a response. The server adds those of all its responses later.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match next.call(request).await {
        Ok(mut response) => {
            insert_headers(response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let mut response = error.error_response();
            insert_headers(response.headers_mut());
            Err(InternalError::from_response("error response", response).into())
        }
    }
}

fn insert_headers(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
}
