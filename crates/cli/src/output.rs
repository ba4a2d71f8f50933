//! Output: lines and JSON for programs, tables for people.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use crate::error::CliError;
use crate::text::{cell, width};
use serde::Serialize;

/// Prints and flushes a line, which can contain line breaks.
pub(crate) fn print_line(text: impl Display) -> Result<(), CliError> {
    let mut output = std::io::stdout().lock();
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    written.map_err(CliError::Output)
}

/// Prints an object as a line of JSON.
pub(crate) fn print_json(object: &impl Serialize) -> Result<(), CliError> {
    print_line(serde_json::json!(object))
}

/// Prints a line to standard error, without characters that control a terminal. If that fails,
/// there is no other place for it.
pub(crate) fn print_error_line(text: impl Display) {
    let text = text.to_string();
    let text = text.replace(|c: char| c.is_control() && c != '\n', " ");
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Treats a closed pipe as success: the reader, such as `head`, may have seen enough.
pub(crate) fn ignore_closed_pipe(result: Result<(), CliError>) -> Result<(), CliError> {
    match result {
        Err(CliError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Formats rows as aligned columns under headings.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let headings = headings.iter().map(|heading| (*heading).to_owned());
    let lines: Vec<Vec<String>> = std::iter::once(headings.collect()).chain(rows).collect();
    let column_width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|text| width(text)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..lines[0].len()).map(column_width).collect();
    let pad = |cells: &Vec<String>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(text, width)| cell(text, *width));
        let line = padded.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    lines.iter().map(pad).collect::<Vec<_>>().join("\n")
}

/// Formats a cell. A missing value is `-`.
pub(crate) fn optional_cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_width() {
        let rows = vec![
            vec!["12".to_owned(), "東京".to_owned(), "x".to_owned()],
            vec!["3".to_owned(), "a\n\u{202e}".to_owned(), String::new()],
        ];
        let expected = "ID  NAME  T\n12  東京  x\n3   a";
        assert_eq!(table(&["ID", "NAME", "T"], rows), expected);
    }
}
