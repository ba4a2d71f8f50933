//! Trace of a sampled request.

use devices_domain::{SPAN_TARGET, TraceContext};
use tracing::Span;
use tracing::span::EnteredSpan;

/// Trace of a sampled request, and the span of the request.
#[derive(Debug, Clone)]
pub(crate) struct SampledTrace {
    pub(crate) context: TraceContext,
    request: Span,
}

impl SampledTrace {
    /// Returns the trace of a request that is being processed in the current span.
    pub(crate) fn of_current_request(context: TraceContext) -> Self {
        Self {
            context,
            request: Span::current(),
        }
    }

    /// Begins the span of a transaction. It ends when it is dropped.
    pub(crate) fn enter_transaction(&self) -> EnteredSpan {
        let span = tracing::info_span!(
            target: SPAN_TARGET,
            parent: &self.request,
            "transaction",
            otel.kind = "client",
            db.system.name = "postgresql",
        );
        span.entered()
    }
}
