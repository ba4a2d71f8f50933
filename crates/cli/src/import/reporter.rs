//! Output of an import: text for people, or one JSON event per line, and progress.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use devices_client::Retry;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::outcome::Outcome;
use crate::error::CliError;
use crate::output::print_error_line;
use crate::text::{grouped, wrap};

/// Output of an import. Results go to standard output. Everything else that people read goes to
/// standard error, where progress is drawn if that is a terminal.
pub(super) struct Reporter {
    /// The reader of standard output has ended.
    is_closed: AtomicBool,
    json: bool,
    bar: Mutex<ProgressBar>,
    uncertain_attempts: AtomicUsize,
}

impl Reporter {
    /// Creates an output. With `json`, results are events, and nothing is written for people except
    /// progress.
    pub(super) fn new(json: bool) -> Self {
        Self {
            is_closed: AtomicBool::new(false),
            json,
            bar: Mutex::new(ProgressBar::hidden()),
            uncertain_attempts: AtomicUsize::new(0),
        }
    }

    /// Prints an event with JSON: an object, to which the name of the event is added.
    ///
    /// # Errors
    /// Returns the error of standard output.
    pub(super) fn event(&self, name: &str, mut members: Value) -> Result<(), CliError> {
        if !self.json {
            return Ok(());
        }
        members["event"] = json!(name);
        self.write_result(&members)
    }

    /// Prints a result for people.
    ///
    /// # Errors
    /// Returns the error of standard output.
    pub(super) fn result(&self, text: impl Display) -> Result<(), CliError> {
        if self.json {
            return Ok(());
        }
        self.write_result(&text)
    }

    /// Prints the outcome: to standard error if standard output is closed or fails, so that the
    /// numbers of the batches are not lost.
    ///
    /// # Errors
    /// Returns the error of standard output.
    pub(super) fn outcome(&self, outcome: &Outcome) -> Result<(), CliError> {
        let text = wrap(&outcome.to_text(), 2);
        let printed = if self.json {
            self.event("done", json!(outcome))
        } else {
            self.result(&text)
        };
        if printed.is_err() || self.is_closed.load(Ordering::Relaxed) {
            print_error_line(text);
        }
        printed
    }

    /// Prints a line for people to standard error. If that fails, there is no other place for it.
    pub(super) fn note(&self, text: impl Display) {
        if !self.json {
            self.bar()
                .suspend(|| drop(writeln!(std::io::stderr(), "{text}")));
        }
    }

    /// Reports a failed attempt of a request. Counts it if it may have stored the request.
    pub(super) fn retry(&self, retry: &Retry<'_>) {
        if retry.may_have_stored {
            self.uncertain_attempts.fetch_add(1, Ordering::Relaxed);
        }
        let seconds = retry.delay.as_secs_f64();
        let error = retry.error.to_string();
        self.note(wrap(&format!("{error}. Next attempt in {seconds:.0} s"), 2));
        let members = json!({
            "event": "retry", "attempt": retry.attempt, "delay_seconds": seconds, "message": error
        });
        if self.json {
            // A request that is in progress continues even if nobody reads the events.
            drop(self.write_result(&members));
        }
    }

    /// Returns the number of failed attempts so far that may have stored their requests.
    pub(super) fn uncertain_attempts(&self) -> usize {
        self.uncertain_attempts.load(Ordering::Relaxed)
    }

    /// Shows that something of unknown length is going on.
    pub(super) fn show_spinner(&self, message: String) {
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}")
            .expect("the template is valid");
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.set_message(message);
        bar.enable_steady_tick(Duration::from_millis(100));
        self.replace_bar(bar);
    }

    /// Shows how many of `rows` rows are done. The time that is left is unknown before the first.
    pub(super) fn show_rows(&self, rows: usize) {
        let style = rows_style("[{bar:25}] {human_pos}/{human_len} rows");
        let bar = ProgressBar::new(rows as u64).with_style(style);
        // The first tick may come after a short import.
        bar.force_draw();
        // Counts the time down between parts.
        bar.enable_steady_tick(Duration::from_millis(250));
        self.replace_bar(bar);
    }

    /// Adds rows that are done.
    pub(super) fn add_rows(&self, rows: usize) {
        let bar = self.bar();
        if bar.position() == 0 {
            let template = "[{bar:25}] {human_pos}/{human_len} rows {msg} {eta} left";
            bar.set_style(rows_style(template));
        }
        bar.inc(rows as u64);
        let rate = bar.position() as f64 / bar.elapsed().as_secs_f64();
        bar.set_message(format!("{}/s", grouped(rate as usize)));
    }

    /// Removes the progress from the terminal.
    pub(super) fn clear_progress(&self) {
        self.replace_bar(ProgressBar::hidden());
    }

    fn replace_bar(&self, bar: ProgressBar) {
        let mut current = self.bar();
        current.finish_and_clear();
        *current = bar;
    }

    fn write_result(&self, text: &impl Display) -> Result<(), CliError> {
        self.bar().suspend(|| {
            let mut output = std::io::stdout().lock();
            let written = writeln!(output, "{text}").and_then(|()| output.flush());
            match written {
                // The import continues: its reader, such as `head`, may have seen enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    self.is_closed.store(true, Ordering::Relaxed);
                    Ok(())
                }
                written => written.map_err(CliError::Output),
            }
        })
    }

    fn bar(&self) -> MutexGuard<'_, ProgressBar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rows_style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    style.progress_chars("=> ")
}
