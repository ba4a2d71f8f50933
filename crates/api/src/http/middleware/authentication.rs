//! Authenticates a request by its key before the extractors read the path, the headers or the body.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};
use devices_domain::{
    Actor, Admission, AdmissionDecision, RateLimitDecision, RateLimits, Scope, WorkspaceId,
};

use crate::http::extract::auth::require_scope;
use crate::http::extract::body;
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

/// Rejects requests without a key that allows managing keys.
pub(crate) async fn require_admin(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    require(Scope::Admin, request, next).await
}

async fn require(
    scope: Scope,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let http_request = request.request().clone();
    let state = State::of(&http_request)?;
    // A response and not an `Err`, so that the outer middleware adds its headers to it.
    let admission = match authenticate(&http_request, state).await {
        Ok(admission) => admission,
        Err(error) => return Ok(request.error_response(error)),
    };
    let result = match require_scope(admission.actor(), scope) {
        Ok(_) => {
            let response = next.call(request).await;
            response.map(ServiceResponse::map_into_boxed_body)
        }
        Err(error) => Ok(request.error_response(error)),
    };
    let status = match &result {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    match confirm(&http_request, state, &admission, status).await {
        Ok(()) => result,
        Err(error) => Ok(ServiceResponse::from_err(error, http_request)),
    }
}

/// Confirms that a request was admitted, before its response with this status is sent. Looks up the
/// key if the store has not decided the admission.
///
/// # Errors
/// The error that takes the place of the response.
async fn confirm(
    request: &HttpRequest,
    state: &State,
    admission: &Admission,
    status: StatusCode,
) -> Result<(), ApiError> {
    let (known, key_hash) = (admission.actor(), admission.secret_sha256());
    match admission.decision() {
        Some(AdmissionDecision::KeyActive(decision)) => {
            let limiter = &state.request_rate_limiter;
            limiter.record(request, key_hash, decision)
        }
        Some(AdmissionDecision::KeyInactive) => {
            state.forget_key(key_hash);
            Err(failure(request, state))
        }
        // The store was not reached, or a handler panicked. The response contains nothing of the
        // workspace.
        None if status.is_server_error() => Ok(()),
        // The request was rejected without work in the store.
        None => {
            let actor = find_key(request, state, known.workspace, key_hash).await?;
            if actor != known {
                state.forget_key(key_hash);
                return Err(failure(request, state));
            }
            take_tokens(request, state, actor, key_hash).await
        }
    }
}

/// `Retry-After` for a request that found the lookup slot taken.
const LOOKUP_RETRY: Duration = Duration::from_secs(1);

/// Returns the [`Admission`] of a request, or the error to respond with. Sets the admission in the
/// context of the request, too, as soon as the key is found: the access log reports the actor of a
/// request over a rate limit.
///
/// If its key was active within the last minute, the admission is undecided: the store decides it
/// together with the work of the request, on one connection (ADR 36). Otherwise, and before a large
/// body is read, it is decided here.
async fn authenticate(request: &HttpRequest, state: &State) -> Result<Arc<Admission>, ApiError> {
    let throttle = &state.auth_throttle;
    let secret = bearer_token(request).and_then(KeySecret::parse);
    let secret = secret.ok_or_else(|| failure(request, state))?;
    let key_hash = secret.sha256();
    // Clients with valid keys may share a throttled address. Keys are still looked up, one at a
    // time.
    let _slot = if retry_after(request, state).is_some() && !throttle.recently_valid(key_hash) {
        let slot = throttle.lookup_slot();
        Some(slot.ok_or_else(|| address_rate_limited(LOOKUP_RETRY))?)
    } else {
        None
    };
    let limiter = &state.request_rate_limiter;
    limiter.reject_exhausted(request, key_hash)?;
    let context = RequestContext::of(request);
    if let Some(actor) = state.known_actor(key_hash)
        && !body::may_be_large(request.headers())
    {
        let admission = Admission::new(actor, key_hash, limiter.limits());
        let admission = Arc::new(admission.with_trace(context.trace()));
        context.set_admission(Arc::clone(&admission));
        return Ok(admission);
    }
    let actor = find_key(request, state, secret.workspace(), key_hash).await?;
    let admission = Admission::new(actor, key_hash, RateLimits::UNLIMITED);
    let admission = Arc::new(admission.with_trace(context.trace()));
    context.set_admission(Arc::clone(&admission));
    take_tokens(request, state, actor, key_hash).await?;
    admission.decide(AdmissionDecision::KeyActive(RateLimitDecision::UNLIMITED));
    Ok(admission)
}

/// Looks up the actor of a key, and remembers it. Forgets a key that is not found, and returns the
/// error to respond with.
async fn find_key(
    request: &HttpRequest,
    state: &State,
    workspace: WorkspaceId,
    key_hash: [u8; 32],
) -> Result<Actor, ApiError> {
    let permit = state.try_acquire_key_lookup()?;
    let actor = state.keys.find_actor(workspace, key_hash).await?;
    drop(permit);
    let Some(actor) = actor else {
        state.forget_key(key_hash);
        return Err(failure(request, state));
    };
    state.remember_key(key_hash, actor);
    Ok(actor)
}

/// Takes tokens from the rate limits of a key. Returns the error to respond with if none is left.
async fn take_tokens(
    request: &HttpRequest,
    state: &State,
    actor: Actor,
    key_hash: [u8; 32],
) -> Result<(), ApiError> {
    // The limiter queries the store before `run_to_completion` takes a permit.
    let _permit = state.in_flight.try_acquire(actor.workspace)?;
    let limiter = &state.request_rate_limiter;
    limiter.try_acquire(request, actor, key_hash).await
}

/// Returns the time until the throttle on the client's address ends, if it is throttled.
fn retry_after(request: &HttpRequest, state: &State) -> Option<Duration> {
    let address = RequestContext::of(request).client_address()?;
    state.auth_throttle.retry_after(address)
}

/// Counts a failed authentication, and returns its error.
fn failure(request: &HttpRequest, state: &State) -> ApiError {
    let retry_after = retry_after(request, state);
    let context = RequestContext::of(request);
    if let Some(address) = context.client_address()
        && state.auth_throttle.record_failure(address)
    {
        let is_proxied = state.client_address_header.is_some();
        tracing::warn!(
            request_id = context.request_id(),
            client_request_id = context.client_request_id(),
            %address,
            is_proxied,
            "too many failed authentications: throttling the address"
        );
    }
    retry_after.map_or(ApiError::Unauthorized, address_rate_limited)
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
