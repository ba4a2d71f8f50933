//! Steps of the authentication of a request, by an API key or by a session of the console.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use devices_domain::{
    Actor, Admission, AdmissionDecision, RateLimitDecision, RateLimits, WorkspaceId,
};
use tokio::sync::SemaphorePermit;

use crate::http::extract::body;
use crate::http::limits::request_rate_limiter::address_rate_limited;
use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// `Retry-After` for a request that found the lookup slot taken.
const LOOKUP_RETRY: Duration = Duration::from_secs(1);

/// Takes the slot for looking up a key or a session, if the address of the client is throttled and
/// the hash of its secret was not found valid lately.
///
/// Clients with valid keys may share a throttled address. Keys are still looked up, one at a time.
///
/// # Errors
/// `RateLimited` if the slot is taken.
pub(crate) fn lookup_slot<'s>(
    request: &HttpRequest,
    state: &'s State,
    hash: [u8; 32],
) -> Result<Option<SemaphorePermit<'s>>, ApiError> {
    let throttle = &state.auth_throttle;
    if retry_after(request, state).is_none() || throttle.recently_valid(hash) {
        return Ok(None);
    }
    let slot = throttle.lookup_slot();
    slot.map(Some)
        .ok_or_else(|| address_rate_limited(LOOKUP_RETRY))
}

/// Returns the [`Admission`] of a request whose key was active when it was last looked up. The
/// store decides it together with the work of the request, on one connection (ADR 36).
pub(crate) fn defer_admission(
    request: &HttpRequest,
    state: &State,
    actor: Actor,
    key_hash: [u8; 32],
) -> Arc<Admission> {
    begin_admission(
        request,
        actor,
        key_hash,
        state.request_rate_limiter.limits(),
    )
}

/// Returns the [`Admission`] of a request whose key has just been found active, or the error to
/// respond with. Decides it here.
pub(crate) async fn admit(
    request: &HttpRequest,
    state: &State,
    actor: Actor,
    key_hash: [u8; 32],
) -> Result<Arc<Admission>, ApiError> {
    let admission = begin_admission(request, actor, key_hash, RateLimits::UNLIMITED);
    take_tokens(request, state, actor, key_hash).await?;
    admission.decide(AdmissionDecision::KeyActive(RateLimitDecision::UNLIMITED));
    Ok(admission)
}

/// Returns whether the admission of a request must be decided before its body is read.
pub(crate) fn must_admit_first(request: &HttpRequest) -> bool {
    body::may_be_large(request.headers())
}

/// Begins the admission, and sets it in the context of the request: the access log reports the
/// actor of a request over a rate limit.
fn begin_admission(
    request: &HttpRequest,
    actor: Actor,
    key_hash: [u8; 32],
    limits: RateLimits,
) -> Arc<Admission> {
    let context = RequestContext::of(request);
    let admission = Admission::new(actor, key_hash, limits).with_trace(context.trace());
    let admission = Arc::new(admission);
    context.set_admission(Arc::clone(&admission));
    admission
}

/// Confirms that a request was admitted, before its response with this status is sent. Looks up the
/// key if the store has not decided the admission.
///
/// # Errors
/// The error that takes the place of the response.
pub(crate) async fn confirm(
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

/// Looks up the actor of a key, and remembers it. Forgets a key that is not found, and returns the
/// error to respond with.
pub(crate) async fn find_key(
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
pub(crate) fn failure(request: &HttpRequest, state: &State) -> ApiError {
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
