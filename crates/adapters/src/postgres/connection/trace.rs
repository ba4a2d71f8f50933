//! Logging of statements.

use diesel::connection::{Instrumentation, InstrumentationEvent};

/// Logs statements at level TRACE, without their bind values.
pub(crate) struct TraceStatements;

impl Instrumentation for TraceStatements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if !tracing::enabled!(tracing::Level::TRACE) {
            return;
        }
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let text = query.to_string();
                let (statement, _values) = text.split_once("-- binds:").unwrap_or((&text, ""));
                tracing::trace!(statement = statement.trim_end(), "statement");
            }
            InstrumentationEvent::CacheQuery { sql, .. } => {
                tracing::trace!(prepared = sql, "statement that is kept prepared");
            }
            _ => {}
        }
    }
}
