//! Extractors for the actor that the authentication middleware has established.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{Actor, Origin, Scope};

use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;

/// Actor whose key allows reading.
pub(crate) struct ReadAccess(pub(crate) Actor);

/// Actor whose key allows writing.
pub(crate) struct WriteAccess(pub(crate) Actor);

/// Key and request id that the audit trail records for a change.
pub(crate) struct AuditOrigin(pub(crate) Origin);

impl FromRequest for ReadAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let actor = authenticated(request);
        ready(actor.and_then(|actor| require_scope(actor, Scope::Read).map(Self)))
    }
}

impl FromRequest for WriteAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let actor = authenticated(request);
        ready(actor.and_then(|actor| require_scope(actor, Scope::Write).map(Self)))
    }
}

impl FromRequest for AuditOrigin {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let origin = |actor| Self(RequestContext::of(request).origin(actor));
        ready(authenticated(request).map(origin))
    }
}

/// Returns the authenticated actor.
///
/// # Errors
/// `Unauthorized` if the route has no authentication middleware.
pub(crate) fn authenticated(request: &HttpRequest) -> Result<Actor, ApiError> {
    let actor = RequestContext::of(request).actor();
    actor.ok_or(ApiError::Unauthorized)
}

/// Returns the actor, if its scope allows `required`.
pub(crate) fn require_scope(actor: Actor, required: Scope) -> Result<Actor, ApiError> {
    if actor.scope.allows(required) {
        Ok(actor)
    } else {
        Err(ApiError::InsufficientScope)
    }
}
