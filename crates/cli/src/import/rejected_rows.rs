//! Rows that were rejected, with their errors.

use std::collections::{BTreeMap, HashMap};

use devices_client::{ImportColumn, RowError};
use devices_import::RejectedCell;
use serde_json::{Value, json};

use super::wording::in_arguments;
use crate::text::{count, grouped, printable, wrap};

/// Rejected rows by their number in the spreadsheet. Takes memory for these rows only.
#[derive(Debug, Default)]
pub(super) struct RejectedRows(BTreeMap<u32, Vec<RejectedCell>>);

impl RejectedRows {
    /// Maximum number of errors that are printed.
    const MAX_PRINTED: usize = 10;

    /// Adds errors of a row.
    pub(super) fn add(&mut self, row: u32, errors: impl IntoIterator<Item = RejectedCell>) {
        self.0.entry(row).or_default().extend(errors);
    }

    /// Returns the errors by row.
    pub(super) fn by_row(&self) -> &BTreeMap<u32, Vec<RejectedCell>> {
        &self.0
    }

    /// Returns the number of rejected rows.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the first errors as lines for people. Rows with the same error share a line.
    pub(super) fn to_text(&self, columns: &[ImportColumn]) -> String {
        let errors = self.equal_errors();
        let lines = errors.iter().take(Self::MAX_PRINTED).map(|error| {
            let column = error.column.and_then(|index| columns.get(index));
            let place = column.map_or_else(String::new, |column| {
                format!(", column {} ({})", column.column, printable(&column.header))
            });
            let rows = rows_text(&error.rows);
            wrap(&format!("{rows}{place}: {}", error.message), 2)
        });
        let mut lines: Vec<_> = lines.collect();
        if errors.len() > Self::MAX_PRINTED {
            let more = count(errors.len() - Self::MAX_PRINTED, "more error");
            lines.push(format!("... and {more}"));
        }
        lines.join("\n")
    }

    /// Returns each error with its rows, in the order of their first rows.
    fn equal_errors(&self) -> Vec<EqualErrors<'_>> {
        let mut errors: Vec<EqualErrors<'_>> = Vec::new();
        let mut places = HashMap::new();
        for (row, cells) in &self.0 {
            for cell in cells {
                let message = cell.message.as_str();
                let place = *places.entry((cell.column, message)).or_insert_with(|| {
                    let (column, rows) = (cell.column, Vec::new());
                    errors.push(EqualErrors {
                        column,
                        message,
                        rows,
                    });
                    errors.len() - 1
                });
                errors[place].rows.push(*row);
            }
        }
        errors
    }

    /// Returns the members of the event of each row.
    pub(super) fn events<'a>(
        &'a self,
        columns: &'a [ImportColumn],
    ) -> impl Iterator<Item = Value> + 'a {
        self.0.iter().map(|(row, errors)| {
            let errors = errors.iter().map(|error| {
                let column = error.column.and_then(|index| columns.get(index));
                json!({
                    "column": column.map(|column| &column.column),
                    "header": column.map(|column| &column.header),
                    "field": column.and_then(|column| column.field.as_ref()),
                    "message": error.message,
                })
            });
            json!({"row": row, "errors": errors.collect::<Vec<_>>()})
        })
    }
}

/// An error that several rows have.
struct EqualErrors<'a> {
    column: Option<usize>,
    message: &'a str,
    rows: Vec<u32>,
}

/// Names rows: `Row 5`, `Rows 5, 6`, `Rows 5, 6, 7 and 1,201 more`.
fn rows_text(rows: &[u32]) -> String {
    const MAX_NAMED: usize = 3;
    if let [row] = rows {
        return format!("Row {row}");
    }
    let named: Vec<_> = rows.iter().take(MAX_NAMED).map(u32::to_string).collect();
    let named = named.join(", ");
    match rows.len().saturating_sub(MAX_NAMED) {
        0 => format!("Rows {named}"),
        more => format!("Rows {named} and {} more", grouped(more)),
    }
}

/// Returns an error of the server for the file of rejected rows.
pub(super) fn rejected_cell(error: &RowError, columns: &[ImportColumn]) -> RejectedCell {
    let letters = error.column.as_deref();
    RejectedCell {
        column: letters.and_then(|letters| {
            let mut columns = columns.iter();
            columns.position(|column| column.column == letters)
        }),
        message: in_arguments(&error.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column() -> ImportColumn {
        ImportColumn {
            column: "A".into(),
            header: "Service Tag".into(),
            name: "Service Tag".into(),
            samples: Vec::new(),
            field: Some("serial_number".into()),
            by: None,
        }
    }

    fn error(column: Option<usize>) -> RejectedCell {
        let message = "serial_number must not be empty".to_owned();
        RejectedCell { column, message }
    }

    #[test]
    fn equal_errors_share_a_line() {
        let mut rejected = RejectedRows::default();
        for row in (2..14).rev() {
            rejected.add(row, [error(Some(0))]);
        }
        rejected.add(2, [error(None)]);
        let expected = "\
            Rows 2, 3, 4 and 9 more, column A (Service Tag): serial_number must not be empty\n\
            Row 2: serial_number must not be empty";
        assert_eq!(rejected.to_text(&[column()]), expected);
        assert_eq!(rejected.len(), 12);
    }

    #[test]
    fn first_errors_are_printed() {
        let mut rejected = RejectedRows::default();
        for row in 2..14 {
            let message = format!("must not equal that of row {}", row + 100);
            rejected.add(
                row,
                [RejectedCell {
                    column: None,
                    message,
                }],
            );
        }
        let text = rejected.to_text(&[]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[9], "Row 11: must not equal that of row 111");
        assert_eq!(lines[10], "... and 2 more errors");
    }

    #[test]
    fn rows_are_named() {
        assert_eq!(rows_text(&[5]), "Row 5");
        assert_eq!(rows_text(&[5, 6, 7]), "Rows 5, 6, 7");
    }

    #[test]
    fn event_names_row_and_column() {
        let mut rejected = RejectedRows::default();
        rejected.add(7, [error(Some(0))]);
        let events: Vec<_> = rejected.events(&[column()]).collect();
        let expected = json!({"row": 7, "errors": [{
            "column": "A", "header": "Service Tag", "field": "serial_number",
            "message": "serial_number must not be empty"
        }]});
        assert_eq!(events, [expected]);
    }
}
