//! Facts about a request that its log entry and the audit trail report.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use devices_domain::{Actor, Origin};

/// Facts about a request, collected while it is processed. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestContext(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    request_id: String,
    actor: Cell<Option<Actor>>,
    device_count: Cell<Option<usize>>,
}

impl RequestContext {
    /// Creates the context of a request with this id.
    pub(crate) fn new(request_id: String) -> Self {
        Self(Rc::new(Inner {
            request_id,
            ..Inner::default()
        }))
    }

    /// Returns the context that the access log stored in the request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Returns the actor, once the key is authenticated.
    pub(crate) fn actor(&self) -> Option<Actor> {
        self.0.actor.get()
    }

    pub(crate) fn set_actor(&self, actor: Actor) {
        self.0.actor.set(Some(actor));
    }

    /// Returns the number of devices in the batch, once it has been read.
    pub(crate) fn device_count(&self) -> Option<usize> {
        self.0.device_count.get()
    }

    pub(crate) fn set_device_count(&self, count: usize) {
        self.0.device_count.set(Some(count));
    }

    /// Returns the origin that the audit trail records for a change by `actor`.
    pub(crate) fn origin(&self, actor: Actor) -> Origin {
        Origin {
            key: actor.key,
            request_id: self.0.request_id.clone(),
        }
    }
}

impl FromRequest for RequestContext {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}
