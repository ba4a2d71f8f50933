//! Security headers: they restrict browsers and caches in the use of a response.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;

/// Headers of every response. A handler can set its own values.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    // A browser must not take a text of a customer for HTML or a script.
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // The data of a workspace must not reach whoever uses the browser or the proxy next.
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    // Paths and queries contain serial numbers and search terms.
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // Responses load nothing, run no script, and are not shown in the frame of another page.
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Adds the headers to a response or an error, unless they are set.
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
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
}
