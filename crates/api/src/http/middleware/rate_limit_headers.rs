//! Reports the remaining requests of the key or its workspace in response headers.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use crate::http::limits::request_rate_limiter::RequestQuota;

/// Adds the rate limit headers to the response, if a limit was checked.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let quota = response
        .request()
        .extensions()
        .get::<RequestQuota>()
        .copied();
    if let Some(quota) = quota {
        insert_headers(response.headers_mut(), quota);
    }
    Ok(response)
}

/// Inserts the headers of draft-ietf-httpapi-ratelimit-headers-10, and the older ones that the
/// vendor's clients read.
fn insert_headers(headers: &mut HeaderMap, quota: RequestQuota) {
    let policy = quota.policy();
    let limit = quota.per_minute();
    let remaining = quota.remaining();
    let reset = quota.reset_after().as_secs_f64().ceil();
    for (name, value) in [
        ("ratelimit-policy", format!("\"{policy}\";q={limit};w=60")),
        ("ratelimit", format!("\"{policy}\";r={remaining};t={reset}")),
        ("ratelimit-limit", limit.to_string()),
        ("ratelimit-remaining", remaining.to_string()),
        ("ratelimit-reset", reset.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
