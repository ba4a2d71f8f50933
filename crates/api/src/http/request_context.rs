//! Facts about a request that its log entry and the audit trail report.

use std::cell::{Cell, OnceCell};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use devices_domain::{Actor, Admission, AdmissionDecision, Interface, Origin, TraceContext};
use uuid::Uuid;

use crate::http::state::State;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Facts about a request, collected while it is processed. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestContext(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    request_id: String,
    client_request_id: Option<String>,
    client_address: Option<IpAddr>,
    trace: Option<TraceContext>,
    admission: OnceCell<Arc<Admission>>,
    device_count: Cell<Option<usize>>,
}

impl RequestContext {
    /// Creates the context of a new request.
    pub(crate) fn begin(request: &HttpRequest) -> Self {
        Self(Rc::new(Inner {
            request_id: Uuid::now_v7().to_string(),
            client_request_id: client_request_id(request.headers()).map(str::to_owned),
            client_address: client_address(request),
            trace: trace(request.headers()),
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

    /// Returns the id that the server gave the request. No other request has it.
    pub(crate) fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Returns the id that the client gave the request. It need not be unique.
    pub(crate) fn client_request_id(&self) -> Option<&str> {
        self.0.client_request_id.as_deref()
    }

    /// Returns the address of the client.
    pub(crate) fn client_address(&self) -> Option<IpAddr> {
        self.0.client_address
    }

    /// Returns the trace that the client's `traceparent` names.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.0.trace
    }

    /// Returns the actor, once its key has been found. `None` if the key turned out to be inactive.
    pub(crate) fn actor(&self) -> Option<Actor> {
        let admission = self.0.admission.get()?;
        let is_inactive = admission.decision() == Some(AdmissionDecision::KeyInactive);
        (!is_inactive).then(|| admission.actor())
    }

    /// Returns the admission of the request, once its key has been found.
    pub(crate) fn admission(&self) -> Option<Arc<Admission>> {
        self.0.admission.get().cloned()
    }

    /// Sets the admission. A second one has no effect.
    pub(crate) fn set_admission(&self, admission: Arc<Admission>) {
        self.0.admission.get_or_init(|| admission);
    }

    /// Returns the number of devices in the batch, once it has been read.
    pub(crate) fn device_count(&self) -> Option<usize> {
        self.0.device_count.get()
    }

    pub(crate) fn set_device_count(&self, count: usize) {
        self.0.device_count.set(Some(count));
    }

    /// Forgets the number of devices, so that it is neither logged nor counted.
    pub(crate) fn clear_device_count(&self) {
        self.0.device_count.set(None);
    }

    /// Returns the origin that the audit trail records for a change by `actor` through the API.
    pub(crate) fn origin(&self, actor: Actor) -> Origin {
        Origin {
            key: actor.key,
            request_id: self.0.request_id.clone(),
            client_request_id: self.0.client_request_id.clone(),
            interface: Interface::Api,
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

/// Returns the only `X-Request-Id` of a request, if it is valid: 1 to 128 ASCII letters, digits,
/// `-`, `_` and `.`, but no secret that a client sent in the wrong header.
fn client_request_id(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(X_REQUEST_ID);
    let (id, None) = (sent.next()?.to_str().ok()?, sent.next()) else {
        return None;
    };
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let is_valid = (1..=128).contains(&id.len())
        && id.bytes().all(is_allowed)
        && !crate::secret::PREFIXES
            .iter()
            .any(|prefix| id.contains(prefix));
    is_valid.then_some(id)
}

/// Returns the trace in the only `traceparent` of a request, if it is valid.
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut sent = headers.get_all(TRACEPARENT);
    let (header, None) = (sent.next()?.to_str().ok()?, sent.next()) else {
        return None;
    };
    TraceContext::parse(header)
}

/// Returns the address of the client: from the configured header of a proxy, else of the peer.
///
/// Takes the last entry of a list. The proxy appends it; a client can forge the others.
fn client_address(request: &HttpRequest) -> Option<IpAddr> {
    let state = State::of(request).ok();
    let header_name = state.and_then(|state| state.client_address_header.as_ref());
    let forwarded = header_name.and_then(|name| {
        let header = request.headers().get_all(name).last()?;
        let address = header.to_str().ok()?.rsplit(',').next()?.trim();
        let with_port = || Some(address.parse::<SocketAddr>().ok()?.ip());
        address.parse().ok().or_else(with_port)
    });
    forwarded.or_else(|| request.peer_addr().map(|peer| peer.ip()))
}
