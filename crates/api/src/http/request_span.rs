//! Spans of sampled requests.

use actix_web::dev::ServiceRequest;
use actix_web::http::StatusCode;
use devices_domain::{SPAN_TARGET, TraceContext};
use tracing::Span;
use tracing::field::Empty;

use crate::http::metrics;
use crate::http::request_context::RequestContext;

/// Returns the span of a request. It is disabled unless the request is sampled and an exporter is
/// running, and then costs nothing.
pub(crate) fn begin(request: &ServiceRequest, context: &RequestContext) -> Span {
    let Some(trace) = context.trace().filter(TraceContext::is_sampled) else {
        return Span::none();
    };
    let method = metrics::method_label(request.method());
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or("none");
    let span = tracing::info_span!(
        target: SPAN_TARGET,
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        request_id = context.request_id(),
    );
    set_parent(&span, trace);
    span
}

/// Records the status of the response.
pub(crate) fn record_status(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// Makes the span of the caller the parent of `span`.
#[cfg(feature = "otlp")]
fn set_parent(span: &Span, trace: TraceContext) {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    };
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    let caller = SpanContext::new(
        TraceId::from_bytes(trace.trace_id().to_bytes()),
        SpanId::from_bytes(trace.span_id().to_bytes()),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    // Fails if no exporter is running.
    drop(span.set_parent(Context::new().with_remote_span_context(caller)));
}

/// Without an exporter, spans have no parent.
#[cfg(not(feature = "otlp"))]
fn set_parent(_: &Span, _: TraceContext) {}
