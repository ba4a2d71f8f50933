//! Extractors for the actor that the authentication middleware has established, and for its store.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{Actor, Origin, Scope, WorkspaceStore};

use crate::http::request_context::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Actor whose key allows reading, and the store of its workspace.
pub(crate) struct ReadAccess(pub(crate) Actor, pub(crate) WorkspaceStore);

/// Actor whose key allows writing, and the store of its workspace.
pub(crate) struct WriteAccess(pub(crate) Actor, pub(crate) WorkspaceStore);

/// Actor whose key allows managing keys, and the store of its workspace.
pub(crate) struct AdminAccess(pub(crate) Actor, pub(crate) WorkspaceStore);

/// Key and request id that the audit trail records for a change.
pub(crate) struct AuditOrigin(pub(crate) Origin);

impl FromRequest for ReadAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(access(request, Scope::Read).map(|(actor, store)| Self(actor, store)))
    }
}

impl FromRequest for WriteAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(access(request, Scope::Write).map(|(actor, store)| Self(actor, store)))
    }
}

impl FromRequest for AdminAccess {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(access(request, Scope::Admin).map(|(actor, store)| Self(actor, store)))
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

/// Returns the actor, if its scope allows `required`, and the store of its workspace. The store
/// decides the admission of the request before it does anything else.
fn access(request: &HttpRequest, required: Scope) -> Result<(Actor, WorkspaceStore), ApiError> {
    let admission = RequestContext::of(request).admission();
    let admission = admission.ok_or(ApiError::Unauthorized)?;
    let actor = require_scope(admission.actor(), required)?;
    let store = State::of(request)?.store.for_request(admission);
    Ok((actor, store))
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
