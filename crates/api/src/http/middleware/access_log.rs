//! Writes one log entry per request, and returns a request id in the response.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use devices_web::ConsoleError;
use futures_util::FutureExt;
use tracing::{Instrument, Span};

use crate::http::metrics;
use crate::http::request_context::{RequestContext, X_REQUEST_ID};
use crate::http::request_span;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Logs the request, adds an id to the response, and turns a panic into a 500.
///
/// The log entry contains no secret and no customer data: the pattern of the route instead of the
/// path, no query, no body, and of the headers only the address, the request id and the trace. Its
/// size is bounded.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let context = RequestContext::begin(request.request());
    request.extensions_mut().insert(context.clone());
    let span = request_span::begin(&request, &context);
    let entry = AccessLogEntry::begin(&request, context.clone(), span.clone());
    let state = request.app_data::<web::Data<State>>().cloned();
    let response = AssertUnwindSafe(next.call(request)).catch_unwind();
    match response.instrument(span).await {
        Ok(Ok(mut response)) => {
            insert_request_id(response.headers_mut(), &context);
            if state.is_some_and(|state| state.is_stopping.load(Ordering::Acquire)) {
                // Clients with persistent connections reach another server with their next request.
                let head = response.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
            }
            entry.end(response.status(), response.response().error());
            Ok(response)
        }
        Ok(Err(error)) => {
            entry.end(error.error_response().status(), Some(&error));
            Err(with_request_id(error.error_response(), &context))
        }
        Err(_) => {
            let error = Error::from(ApiError::Internal("panicked".into()));
            entry.end(error.error_response().status(), Some(&error));
            Err(with_request_id(error.error_response(), &context))
        }
    }
}

/// Inserts the id that the client sent, so that it can match the response, or else the server's.
fn insert_request_id(headers: &mut HeaderMap, context: &RequestContext) {
    let id = context.client_request_id().unwrap_or(context.request_id());
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, value);
    }
}

/// Returns an error with this response and the request id.
fn with_request_id(mut response: HttpResponse, context: &RequestContext) -> Error {
    insert_request_id(response.headers_mut(), context);
    InternalError::from_response("error response", response).into()
}

/// The log entry of a request. Written when it is dropped, even if the client disconnects first.
struct AccessLogEntry {
    started: Instant,
    method: Method,
    route: Option<String>,
    context: RequestContext,
    status: StatusCode,
    problem: Option<&'static str>,
    cause: Option<String>,
    span: Span,
}

impl AccessLogEntry {
    fn begin(request: &ServiceRequest, context: RequestContext, span: Span) -> Self {
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            route: request.match_pattern(),
            context,
            // Logged unless `end` is called. nginx logs a client that disconnected with this
            // status.
            status: StatusCode::from_u16(499).unwrap_or_default(),
            problem: Some("UNANSWERED"),
            cause: Some("the client disconnected, or the server stopped".to_owned()),
            span,
        }
    }

    fn end(mut self, status: StatusCode, error: Option<&Error>) {
        self.status = status;
        (self.problem, self.cause) = (None, None);
        if let Some(error) = error.and_then(Error::as_error::<ApiError>) {
            if let Some(report) = error.rejected_rows() {
                metrics::count_row_errors(report);
            }
            (self.problem, self.cause) = (Some(error.code()), error.cause());
        } else if let Some(error) = error.and_then(Error::as_error::<ConsoleError>) {
            (self.problem, self.cause) = (Some(error.code()), error.cause());
        }
    }
}

impl Drop for AccessLogEntry {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        let route = self.route.as_deref().unwrap_or("none");
        let actor = self.context.actor();
        let devices = self.context.device_count();
        let client = self.context.client_address();
        let trace = self.context.trace();
        request_span::record_status(&self.span, self.status);
        metrics::record_request(&self.method, route, self.status, duration, devices);
        macro_rules! log_at {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    request_id = self.context.request_id(),
                    client_request_id = self.context.client_request_id(),
                    client = client.map(tracing::field::display),
                    trace_id = trace.map(|trace| tracing::field::display(trace.trace_id())),
                    span_id = trace.map(|trace| tracing::field::display(trace.span_id())),
                    sampled = trace.map(|trace| trace.is_sampled()),
                    method = metrics::method_label(&self.method),
                    route,
                    status = self.status.as_u16(),
                    duration_ms = (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0,
                    workspace = actor.map(|actor| actor.workspace.0),
                    key = actor.map(|actor| actor.key.0),
                    devices,
                    problem = self.problem,
                    cause = self.cause,
                    "request"
                )
            };
        }
        match self.status {
            StatusCode::INTERNAL_SERVER_ERROR => log_at!(tracing::Level::ERROR),
            // Temporary, or caused by the operator.
            status if status.is_server_error() => log_at!(tracing::Level::WARN),
            _ => log_at!(tracing::Level::INFO),
        }
    }
}
