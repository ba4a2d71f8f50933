//! What a key has left, told in headers.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use devices_domain::{Actor, RateLimitDecision};

use crate::http::limits::ttl_map::TtlMap;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// What the key of a request has left of what it may ask for in a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    per_minute: u32,
    allowance: RateLimitDecision,
}

/// Keys that have nothing left, by their hashes.
pub(crate) type Exhausted = TtlMap<[u8; 32], Left>;

/// For how long a key that has nothing left is refused without asking the store.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Refuses a key that had nothing left a moment ago: one that asks in a loop must not keep the store
/// from others.
pub(crate) fn recall(request: &HttpRequest, state: &State, key: [u8; 32]) -> Result<(), ApiError> {
    match state.exhausted.get(&key) {
        Some((left, _)) => Err(refuse(request, left)),
        None => Ok(()),
    }
}

/// Lets the actor's request pass, if the key has one left.
pub(crate) async fn take(
    request: &HttpRequest,
    state: &State,
    actor: Actor,
    key: [u8; 32],
) -> Result<(), ApiError> {
    let per_minute = state.rate_limit.requests_per_minute;
    if per_minute == 0 {
        return Ok(());
    }
    let allowance = state.limiter.take(actor, per_minute).await?;
    let left = Left {
        per_minute,
        allowance,
    };
    if !allowance.is_allowed {
        let lasts = left.seconds_to(1.0).min(REMEMBERED);
        state.exhausted.change(key, lasts, left, |_| left);
        return Err(refuse(request, left));
    }
    request.extensions_mut().insert(left);
    count("passed");
    Ok(())
}

fn refuse(request: &HttpRequest, left: Left) -> ApiError {
    request.extensions_mut().insert(left);
    count("limited");
    ApiError::RateLimited(left.seconds_to(1.0))
}

/// Refuses an address that has failed too often, for so long.
pub(crate) fn refuse_address(wait: Duration) -> ApiError {
    count("address_limited");
    ApiError::RateLimited(wait)
}

fn count(decision: &'static str) {
    metrics::counter!("devices_rate_limit_decisions_total", "decision" => decision).increment(1);
}

impl Left {
    /// How long it takes until so many requests are left.
    fn seconds_to(&self, wanted: f64) -> Duration {
        let missing = (wanted - self.allowance.remaining).max(0.0);
        Duration::from_secs_f64(missing * 60.0 / f64::from(self.per_minute))
    }

    /// Both the draft's headers (draft-ietf-httpapi-ratelimit-headers-10) and the older ones, which
    /// the vendor's clients read.
    fn write(&self, headers: &mut HeaderMap) {
        let limit = self.per_minute;
        let left = self.allowance.remaining.floor();
        let reset = self.seconds_to(f64::from(limit)).as_secs_f64().ceil();
        for (name, value) in [
            ("ratelimit-policy", format!("\"key\";q={limit};w=60")),
            ("ratelimit", format!("\"key\";r={left};t={reset}")),
            ("ratelimit-limit", limit.to_string()),
            ("ratelimit-remaining", left.to_string()),
            ("ratelimit-reset", reset.to_string()),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// Adds the headers to whatever is answered to a request that took its place.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let left = response.request().extensions().get::<Left>().copied();
    if let Some(left) = left {
        left.write(response.headers_mut());
    }
    Ok(response)
}
