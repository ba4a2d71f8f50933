//! Context of a command: server access and output format.

use std::io::IsTerminal;

use devices_client::{Client, Retry, RetryPolicy};
use serde::Serialize;

use crate::credentials;
use crate::error::CliError;
use crate::output;
use crate::text::wrap;

/// Output format, and access to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    json: bool,
}

impl Context {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Returns whether the output is JSON, one object per line.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Returns whether progress is shown: a person looks at standard error.
    pub(crate) fn shows_progress(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// Returns the client of the configured server. Reports retries on standard error.
    ///
    /// # Errors
    /// A usage error if no server or no key is configured.
    pub(crate) fn client(self) -> Result<Client, CliError> {
        self.client_with_retries(RetryPolicy::default())
    }

    /// Returns the client of the configured server with a policy of its own.
    pub(crate) fn client_with_retries(self, policy: RetryPolicy) -> Result<Client, CliError> {
        let server = credentials::configured()?;
        let json = self.json;
        let client = Client::new(&server.url, &server.key)?.with_retries(policy);
        Ok(client.on_retry(move |retry| report_retry(json, retry)))
    }

    /// Prints one object: as JSON, or as the text that `text` makes.
    pub(crate) fn print<T: Serialize>(
        self,
        object: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.json {
            output::print_json(object)
        } else {
            output::print_line(text())
        }
    }

    /// Prints an error to standard error, as JSON or as text.
    pub(crate) fn print_error(self, error: &CliError) {
        if self.json {
            output::print_error_line(error.to_json());
        } else {
            let text = format!("devices: {error}");
            if std::io::stderr().is_terminal() {
                output::print_error_line(wrap(&text, 2));
            } else {
                output::print_error_line(text);
            }
        }
    }
}

fn report_retry(json: bool, retry: &Retry) {
    let seconds = retry.delay.as_secs_f64();
    if json {
        output::print_error_line(serde_json::json!({
            "event": "retry",
            "attempt": retry.attempt,
            "delay_seconds": seconds,
            "error": retry.error.to_string(),
        }));
    } else {
        let error = retry.error;
        output::print_error_line(format_args!("{error}; retrying in {seconds:.1} s"));
    }
}
