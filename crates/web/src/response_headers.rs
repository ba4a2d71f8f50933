//! Headers of every response of the console.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use actix_web::middleware::DefaultHeaders;

/// Adds the headers to a response. The server adds those of all its responses later.
pub(crate) fn response_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ))
        // With `no-referrer`, browsers send `Origin: null` with forms, and the check of the origin
        // could not accept them (Fetch, "append a request Origin header").
        .add((REFERRER_POLICY, "same-origin"))
}
