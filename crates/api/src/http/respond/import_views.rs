//! Parts of the responses about imports: columns, warnings, and errors with their locations.

use devices_domain::FieldError;
use devices_import::{Column, FileLayout, MatchedBy, Warning, column_letters};
use serde::Serialize;

use crate::http::respond::api_error::ErrorEntry;

/// A column and its interpretation.
#[derive(Serialize)]
pub(super) struct ColumnView<'a> {
    column: String,
    header: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<&'a [String]>,
    field: Option<&'a str>,
    by: Option<&'static str>,
}

impl<'a> ColumnView<'a> {
    /// Creates the view without samples: a response that is stored contains no values.
    pub(super) fn of(column: &'a Column) -> Self {
        Self {
            column: column.letters(),
            header: &column.header,
            name: &column.name,
            samples: None,
            field: column.field.as_deref(),
            by: column.by.map(MatchedBy::as_str),
        }
    }

    pub(super) fn with_samples(column: &'a Column) -> Self {
        Self {
            samples: Some(&column.samples),
            ..Self::of(column)
        }
    }
}

/// Warning about a column or the file.
#[derive(Serialize)]
pub(super) struct WarningView<'a> {
    kind: &'static str,
    column: Option<String>,
    message: &'a str,
}

impl<'a> WarningView<'a> {
    pub(super) fn of(warning: &'a Warning) -> Self {
        Self {
            kind: warning.kind.as_str(),
            column: warning.column.map(column_letters),
            message: &warning.message,
        }
    }
}

/// An error of a row, with the column that provides the invalid value.
#[derive(Serialize)]
pub(crate) struct LocatedError {
    column: Option<String>,
    #[serde(flatten)]
    error: ErrorEntry,
}

impl LocatedError {
    /// Creates the view of an error in the row at `index`, or in the file as a whole.
    pub(crate) fn of(layout: &FileLayout, index: Option<usize>, error: &FieldError) -> Self {
        Self {
            column: layout.column(error).map(Column::letters),
            error: ErrorEntry::with_message(index, error, layout.message(index, error)),
        }
    }
}

/// An error with its row.
#[derive(Serialize)]
pub(crate) struct LocatedRowError {
    index: Option<usize>,
    row: Option<u32>,
    #[serde(flatten)]
    error: LocatedError,
}

impl LocatedRowError {
    /// Creates the view of an error in the row at `index`, or in the file as a whole.
    pub(crate) fn of(layout: &FileLayout, index: Option<usize>, error: &FieldError) -> Self {
        Self {
            index,
            row: index.and_then(|index| layout.row(index)),
            error: LocatedError::of(layout, index, error),
        }
    }
}

impl AsRef<ErrorEntry> for LocatedRowError {
    fn as_ref(&self) -> &ErrorEntry {
        &self.error.error
    }
}
