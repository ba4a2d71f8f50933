//! Table of the columns of a file.

use devices_client::{ImportColumn, ImportWarning};

use super::plan::is_unused_column;
use crate::text::{cell, printable, shorten, width, wrap};

/// Number of columns of a terminal that the table takes.
const WIDTH: usize = 80;

/// Returns a table of the columns.
pub(super) fn columns_text(columns: &[ImportColumn]) -> String {
    let widest = |heading: &str, max: usize, value: fn(&ImportColumn) -> &str| {
        let widths = columns.iter().map(|column| width(value(column)));
        widths.max().unwrap_or(0).max(heading.len()).min(max)
    };
    let widths = [
        3,
        widest("Header", 22, |column| &column.name),
        widest("Field", 24, field),
        widest("Found by", 8, by),
    ];
    let mut text = String::new();
    let mut line = |cells: [&str; 4], values: &str| {
        let cells = cells.iter().zip(widths);
        let mut line: String = cells
            .map(|(text, width)| cell(text, width) + "  ")
            .collect();
        line += &shorten(values, WIDTH.saturating_sub(width(&line)));
        text += line.trim_end();
        text.push('\n');
    };
    line(["", "Header", "Field", "Found by"], "Values");
    for column in columns {
        let cells = [&column.column, &column.name, field(column), by(column)];
        line(cells, &column.samples.join(", "));
    }
    text
}

/// Returns a sentence about the columns that are not used, if `warnings` name any.
pub(super) fn unused_text(columns: &[ImportColumn], warnings: &[ImportWarning]) -> Option<String> {
    let unused = warnings.iter().filter(|warning| is_unused_column(warning));
    let is_unused = |column: &&ImportColumn| {
        let mut letters = unused.clone().filter_map(|warning| warning.column.as_ref());
        letters.any(|letters| *letters == column.column)
    };
    let unused: Vec<_> = columns
        .iter()
        .filter(is_unused)
        .map(|column| format!("{} ({})", printable(&column.name), column.column))
        .collect();
    let number = match unused.len() {
        0 => return None,
        1 => "1 column is".to_owned(),
        number => format!("{number} columns are"),
    };
    let text = format!(
        "{number} not used: {}. Keep them with --other-columns attributes.",
        unused.join(", ")
    );
    Some(wrap(&text, 2))
}

fn field(column: &ImportColumn) -> &str {
    column.field.as_deref().unwrap_or("(not used)")
}

fn by(column: &ImportColumn) -> &str {
    column.by.as_deref().unwrap_or("")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn column(
        letters: &str,
        header: &str,
        field: &str,
        by: &str,
        samples: &[&str],
    ) -> ImportColumn {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        ImportColumn {
            column: letters.into(),
            header: header.into(),
            name: if header.is_empty() {
                format!("Column {letters}")
            } else {
                header.into()
            },
            field: text(field),
            by: text(by),
            samples: samples.iter().map(|&sample| sample.into()).collect(),
        }
    }

    #[test]
    fn unused_columns_share_a_sentence() {
        let used = column("A", "Serial", "serial_number", "synonym", &[]);
        assert_eq!(unused_text(std::slice::from_ref(&used), &[]), None);
        let warnings = ["B", "C"].map(|letters| ImportWarning {
            kind: "ignored_column".to_owned(),
            column: Some(letters.to_owned()),
            message: String::new(),
        });
        let columns = [
            used,
            column("B", "Room", "", "", &[]),
            column("C", "", "", "", &[]),
            column("D", "Error", "", "", &[]),
        ];
        let expected = "\
            2 columns are not used: Room (B), Column C (C). Keep them with --other-columns\n\x20 \
            attributes.";
        assert_eq!(unused_text(&columns, &warnings).as_deref(), Some(expected));
    }
}
