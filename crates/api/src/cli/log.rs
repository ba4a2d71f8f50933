//! The log, and output of the server in its format.
//!
//! With `log.format = json`, every line that `serve` prints is a JSON object with the members
//! `timestamp`, `level` and `message`, on standard output and standard error. So are the lines that
//! are printed before the log starts, such as the error of an invalid setting.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{SecondsFormat, Utc};
use devices_domain::SPAN_TARGET;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
#[cfg(feature = "otlp")]
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

use super::output;
use crate::settings::{Log, LogFormat};

/// Format of the server's output. `None` for other commands, whose output is for people.
static SERVER_FORMAT: Mutex<Option<LogFormat>> = Mutex::new(None);

fn server_format() -> MutexGuard<'static, Option<LogFormat>> {
    // No panic can leave it half-written.
    SERVER_FORMAT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Declares that this process is a server. Until its settings are known, its errors have the
/// format that the variables of the process select.
pub(super) fn expect_server() {
    *server_format() = Some(LogFormat::of_process());
}

/// Starts the log. It goes to standard error, because standard output is the output of the command.
pub(super) fn start(log: &Log) {
    if let Some(format) = server_format().as_mut() {
        *format = log.format;
    }
    // Spans are for the exporter.
    let filter = EnvFilter::new(format!("{},{SPAN_TARGET}=off", log.level));
    #[cfg(feature = "otlp")]
    if let Some(exporter) = super::otlp::layer() {
        start_with(log.format, filter, exporter);
        log_panics();
        return;
    }
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match log.format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    log_panics();
}

/// Starts the log together with an exporter, which receives what the filter hides.
#[cfg(feature = "otlp")]
fn start_with<L>(format: LogFormat, filter: EnvFilter, exporter: L)
where
    L: Layer<Registry> + Send + Sync,
{
    let registry = tracing_subscriber::registry().with(exporter);
    let text = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match format {
        LogFormat::Text => registry.with(text.with_filter(filter)).init(),
        LogFormat::Json => {
            let json = text.json().flatten_event(true);
            registry.with(json.with_filter(filter)).init();
        }
    }
}

/// Logs the location but not the message of a panic, which can contain a customer's value.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panicked");
    }));
}

/// Returns whether errors are printed as JSON.
pub(super) fn is_json() -> bool {
    *server_format() == Some(LogFormat::Json)
}

/// Prints an error to standard error. Unlike an entry of the log, it has no level that a setting
/// can turn off.
pub(super) fn print_error(message: &str) {
    if is_json() {
        output::print_error_line(line("ERROR", message));
    } else {
        output::print_error_line(format_args!("error: {message}"));
    }
}

/// Returns a line in the format of the JSON log.
pub(super) fn line(level: &str, message: &str) -> Value {
    let timestamp = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({ "timestamp": timestamp, "level": level, "message": message })
}
