//! Authenticates a request by its key before the extractors read the path, the headers or the body.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};
use devices_domain::{Admission, Scope};

use crate::http::authentication::{
    admit, confirm, defer_admission, failure, find_key, lookup_slot, must_admit_first,
};
use crate::http::extract::auth::require_scope;
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

/// Returns the [`Admission`] of a request, or the error to respond with.
///
/// If its key was active within the last minute, the admission is undecided. Otherwise, and before
/// a large body is read, it is decided here.
async fn authenticate(request: &HttpRequest, state: &State) -> Result<Arc<Admission>, ApiError> {
    let secret = bearer_token(request).and_then(KeySecret::parse);
    let secret = secret.ok_or_else(|| failure(request, state))?;
    let key_hash = secret.sha256();
    let _slot = lookup_slot(request, state, key_hash)?;
    state
        .request_rate_limiter
        .reject_exhausted(request, key_hash)?;
    if let Some(actor) = state.known_actor(key_hash)
        && !must_admit_first(request)
    {
        return Ok(defer_admission(request, state, actor, key_hash));
    }
    let actor = find_key(request, state, secret.workspace(), key_hash).await?;
    admit(request, state, actor, key_hash).await
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
