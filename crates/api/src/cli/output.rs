//! Output of the commands: lines, tables for people or JSON for programs, and progress.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::CliError;

/// Prints and flushes a line.
pub(super) fn print_line(text: impl Display) -> Result<(), CliError> {
    let mut output = std::io::stdout().lock();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    written.map_err(CliError::Output)
}

/// Prints a line to standard error. If that fails, there is no other place for it.
pub(super) fn print_error_line(text: impl Display) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Progress of a long command, on standard error.
pub(super) struct Progress {
    printed_at: Instant,
}

impl Progress {
    const INTERVAL: Duration = Duration::from_secs(2);

    pub(super) fn start() -> Self {
        Self {
            printed_at: Instant::now(),
        }
    }

    /// Prints a line, unless the start or the previous line is less than two seconds ago.
    pub(super) fn report(&mut self, text: impl Display) {
        if self.printed_at.elapsed() >= Self::INTERVAL {
            self.printed_at = Instant::now();
            print_error_line(text);
        }
    }
}

/// Treats a closed pipe as success. For commands that only read: their reader, such as `head`, may
/// have seen enough. A command that changes something must report that its output is lost.
pub(super) fn ignore_closed_pipe(result: Result<(), CliError>) -> Result<(), CliError> {
    match result {
        Err(CliError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Prints `value` as JSON, or `rows` as aligned columns under `headings`.
pub(super) fn print_table<T: Serialize>(
    json: bool,
    value: &T,
    headings: &[&str],
    rows: Vec<Vec<String>>,
) -> Result<(), CliError> {
    if json {
        return print_line(serde_json::json!(value));
    }
    let headings = headings
        .iter()
        .map(|heading| (*heading).to_owned())
        .collect();
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    lines.iter().try_for_each(|cells| {
        let padded: Vec<_> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        print_line(padded.join("  ").trim_end())
    })
}

/// Formats a cell. A missing value is `-`.
pub(super) fn optional_cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
