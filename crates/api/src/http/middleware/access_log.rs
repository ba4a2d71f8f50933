//! One log line a request, and the id that client and operator know it by.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use devices_domain::{Actor, Origin};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::http::metrics;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is learned of a request on its way, for its log line; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestContext(Rc<Learned>);

#[derive(Debug, Default)]
struct Learned {
    request_id: String,
    actor: Cell<Option<Actor>>,
    devices: Cell<Option<usize>>,
}

impl RequestContext {
    /// Those of this request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .unwrap_or_default()
    }

    fn request_id(&self) -> String {
        self.0.request_id.clone()
    }

    /// Whom the audit trail puts down what the request does to.
    pub(crate) fn origin(&self, actor: Actor) -> Origin {
        Origin {
            key: actor.key,
            request_id: self.request_id(),
        }
    }

    pub(crate) fn set_actor(&self, actor: Actor) {
        self.0.actor.set(Some(actor));
    }

    /// How many devices came in the batch.
    pub(crate) fn set_device_count(&self, count: usize) {
        self.0.devices.set(Some(count));
    }
}

/// Answers every request with its id, and writes one line about it. The line holds no secret and
/// no value of a customer's: no path but the route's pattern, no query, no header, no body.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let line = AccessLogEntry::begin(&request);
    let request_id = line.facts.request_id();
    let state = request.app_data::<web::Data<State>>().cloned();
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(mut response)) => {
            identify(response.headers_mut(), &request_id);
            if state.is_some_and(|state| state.stopping.load(Ordering::Acquire)) {
                // Whoever keeps connections open finds another server with the next one.
                let head = response.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
            }
            let problem = response.response().error().and_then(Error::as_error);
            line.end(response.status(), problem);
            Ok(response)
        }
        Ok(Err(error)) => {
            line.end(error.error_response().status(), error.as_error());
            Err(identified(error.error_response(), &request_id))
        }
        Err(_) => {
            let problem = ApiError::Internal("a panic".into());
            line.end(problem.status_code(), Some(&problem));
            Err(identified(problem.error_response(), &request_id))
        }
    }
}

/// The id that the client sent, if it is fit to be written down; else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let sent = request.headers().get(X_REQUEST_ID);
    let fit = |id: &&str| {
        (1..=128).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    sent.and_then(|value| value.to_str().ok())
        .filter(fit)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

fn identify(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
}

/// An error whose answer carries the id.
fn identified(mut response: HttpResponse, request_id: &str) -> Error {
    identify(response.headers_mut(), request_id);
    InternalError::from_response("answered", response).into()
}

/// The line about a request; written when it ends, also when nobody waits for its answer any more.
struct AccessLogEntry {
    started: Instant,
    method: Method,
    route: Option<String>,
    facts: RequestContext,
    status: StatusCode,
    problem: Option<&'static str>,
    cause: Option<String>,
}

impl AccessLogEntry {
    fn begin(request: &ServiceRequest) -> Self {
        let facts = RequestContext(Rc::new(Learned {
            request_id: request_id(request),
            ..Learned::default()
        }));
        request.extensions_mut().insert(facts.clone());
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            route: request.match_pattern(),
            facts,
            // What holds until it has ended. nginx has this number for a client that went away.
            status: StatusCode::from_u16(499).unwrap_or_default(),
            problem: Some("UNANSWERED"),
            cause: Some("the client went away, or the server stopped".to_owned()),
        }
    }

    fn end(mut self, status: StatusCode, problem: Option<&ApiError>) {
        self.status = status;
        if let Some(ApiError::Refused(report)) = problem {
            metrics::count_refusals(report);
        }
        self.problem = problem.map(ApiError::code);
        self.cause = problem.and_then(ApiError::cause);
    }
}

impl Drop for AccessLogEntry {
    fn drop(&mut self) {
        let milliseconds = self.started.elapsed().as_secs_f64() * 1_000.0;
        let Learned {
            request_id,
            actor,
            devices,
        } = &*self.facts.0;
        metrics::count_request(
            &self.method,
            self.route.as_deref().unwrap_or("none"),
            self.status,
            self.started.elapsed(),
            devices.get(),
        );
        macro_rules! write_at {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    request_id,
                    method = self.method.as_str(),
                    route = self.route.as_deref().unwrap_or("none"),
                    status = self.status.as_u16(),
                    duration_ms = (milliseconds * 1_000.0).round() / 1_000.0,
                    workspace = actor.get().map(|actor| actor.workspace.0),
                    key = actor.get().map(|actor| actor.key.0),
                    devices = devices.get(),
                    problem = self.problem,
                    cause = self.cause,
                    "request"
                )
            };
        }
        match self.status {
            StatusCode::INTERNAL_SERVER_ERROR => write_at!(tracing::Level::ERROR),
            // Passes by itself, or is the operator's doing.
            status if status.is_server_error() => write_at!(tracing::Level::WARN),
            _ => write_at!(tracing::Level::INFO),
        }
    }
}
