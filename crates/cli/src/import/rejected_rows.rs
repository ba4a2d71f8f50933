//! Rows that were rejected, with their errors.

use std::collections::BTreeMap;

use devices_client::{ImportColumn, RowError};
use devices_import::RejectedCell;
use serde_json::{Value, json};

use super::text::{count, wrap};

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

    /// Returns the first errors as lines for people.
    pub(super) fn to_text(&self, columns: &[ImportColumn]) -> String {
        let errors = self.0.iter();
        let errors = errors.flat_map(|(row, errors)| errors.iter().map(move |error| (*row, error)));
        let total = errors.clone().count();
        let lines = errors.take(Self::MAX_PRINTED).map(|(row, error)| {
            let column = error.column.and_then(|index| columns.get(index));
            let place = column.map_or_else(String::new, |column| {
                format!(", column {} ({})", column.column, column.header)
            });
            wrap(&format!("Row {row}{place}: {}", error.message), 2)
        });
        let mut lines: Vec<_> = lines.collect();
        if total > Self::MAX_PRINTED {
            lines.push(format!(
                "... and {}",
                count(total - Self::MAX_PRINTED, "more error")
            ));
        }
        lines.join("\n")
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

/// Returns an error of the server for the file of rejected rows.
pub(super) fn rejected_cell(error: &RowError, columns: &[ImportColumn]) -> RejectedCell {
    let letters = error.column.as_deref();
    RejectedCell {
        column: letters.and_then(|letters| {
            let mut columns = columns.iter();
            columns.position(|column| column.column == letters)
        }),
        message: error.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column() -> ImportColumn {
        ImportColumn {
            column: "A".into(),
            header: "Service Tag".into(),
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
    fn first_errors_are_printed() {
        let mut rejected = RejectedRows::default();
        for row in (2..14).rev() {
            rejected.add(row, [error(Some(0))]);
        }
        rejected.add(2, [error(None)]);
        let text = rejected.to_text(&[column()]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((rejected.len(), lines.len()), (12, 11), "{text}");
        assert_eq!(
            lines[0],
            "Row 2, column A (Service Tag): serial_number must not be empty"
        );
        assert_eq!(lines[1], "Row 2: serial_number must not be empty");
        assert_eq!(lines[10], "... and 3 more errors");
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
