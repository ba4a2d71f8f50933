//! Authenticates a request by its key before the extractors read the path, the headers or the body.

use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};
use devices_domain::{Actor, Scope};

use crate::http::extract::auth::require_scope;
use crate::http::limits::request_rate_limiter::address_rate_limited;
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;
use crate::secret::KeySecret;

/// Rejects requests without a key that allows reading.
pub(crate) async fn require_read(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    require(Scope::Read, request, next).await
}

/// Rejects requests without a key that allows writing.
pub(crate) async fn require_write(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    require(Scope::Write, request, next).await
}

async fn require(
    scope: Scope,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match authorize(request.request(), scope).await {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        // A response and not an `Err`, so that the outer middleware adds its headers to it.
        Err(error) => Ok(request.error_response(error)),
    }
}

async fn authorize(request: &HttpRequest, scope: Scope) -> Result<(), ApiError> {
    let state = State::of(request)?;
    let actor = authenticate(request, state).await?;
    require_scope(actor, scope).map(drop)
}

/// `Retry-After` for a request that found the lookup slot taken.
const LOOKUP_RETRY: Duration = Duration::from_secs(1);

async fn authenticate(request: &HttpRequest, state: &State) -> Result<Actor, ApiError> {
    let throttle = &state.auth_throttle;
    let context = RequestContext::of(request);
    let address = context.client_address();
    let retry_after = address.and_then(|address| throttle.retry_after(address));
    let fail = || {
        if address.is_some_and(|address| throttle.record_failure(address)) {
            let is_proxied = state.client_address_header.is_some();
            tracing::warn!(
                request_id = context.request_id(),
                client_request_id = context.client_request_id(),
                ?address,
                is_proxied,
                "too many failed authentications: throttling the address"
            );
        }
        retry_after.map_or(ApiError::Unauthorized, address_rate_limited)
    };
    let secret = bearer_token(request).and_then(KeySecret::parse);
    let secret = secret.ok_or_else(&fail)?;
    let key_hash = secret.sha256();
    // Clients with valid keys may share a throttled address. Keys are still looked up, one at a
    // time.
    let _slot = if retry_after.is_some() && !throttle.recently_valid(key_hash) {
        let slot = throttle.lookup_slot();
        Some(slot.ok_or_else(|| address_rate_limited(LOOKUP_RETRY))?)
    } else {
        None
    };
    let limiter = &state.request_rate_limiter;
    limiter.reject_exhausted(request, key_hash)?;
    let permit = state.try_acquire_key_lookup()?;
    let actor = state.keys.find_actor(secret.workspace(), key_hash).await?;
    drop(permit);
    throttle.set_valid(key_hash, actor.is_some());
    let actor = actor.ok_or_else(fail)?;
    context.set_actor(actor);
    // The limiter queries the store before `run_to_completion` takes a permit.
    let _permit = state.in_flight.try_acquire(actor.workspace)?;
    limiter.try_acquire(request, actor, key_hash).await?;
    Ok(actor)
}

/// Returns the token of the only `Authorization: Bearer` header (RFC 6750). The scheme is
/// case-insensitive.
fn bearer_token(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (header, None) = (headers.next()?, headers.next()) else {
        return None;
    };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then(|| token.trim_matches(' '))
}
