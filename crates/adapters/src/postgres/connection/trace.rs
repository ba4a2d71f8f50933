//! Logging of statements.

use diesel::connection::{Instrumentation, InstrumentationEvent};

/// Logs statements at level TRACE, without their bind values.
pub(crate) struct TraceStatements;

impl Instrumentation for TraceStatements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if !tracing::enabled!(tracing::Level::TRACE) {
            return;
        }
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let (statement, _values) = text.split_once("-- binds:").unwrap_or((&text, ""));
            tracing::trace!(statement = statement.trim_end(), "statement");
        }
    }
}
