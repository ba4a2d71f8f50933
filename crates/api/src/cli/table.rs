//! What the admin commands print: a table for people, or JSON.

use serde::Serialize;

/// Prints `value` as JSON, or as lines of aligned columns under `headings`.
pub(super) fn print<T: Serialize>(
    json: bool,
    value: &T,
    headings: &[&str],
    rows: Vec<Vec<String>>,
) {
    if json {
        println!("{}", serde_json::json!(value));
        return;
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
    for line in &lines {
        let cells = line.iter().zip(&widths);
        let padded: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        println!("{}", padded.join("  ").trim_end());
    }
}

/// A cell that may be empty.
pub(super) fn optional<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "-".to_owned(), T::to_string)
}
