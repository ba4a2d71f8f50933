//! Locations of errors: their rows and columns in a file.

use devices_domain::{Field, FieldError, Format, Item, Reason, Related, field};

use super::FileInMemory;
use crate::columns::Column;
use crate::description::Warning;

/// Rows and columns of a file, by which the errors of its batch are located.
#[derive(Debug)]
pub struct FileLayout {
    /// Number of each row of the batch, from 1, as the spreadsheet shows it.
    rows: Vec<u32>,
    columns: Vec<Column>,
    warnings: Vec<Warning>,
    /// Required fields that no column and no option provides.
    missing_fields: Vec<&'static str>,
}

impl FileLayout {
    /// Creates the layout of a file whose rows were read. `rows` are their numbers.
    pub(super) fn new(file: &FileInMemory, rows: Vec<u32>) -> Self {
        Self {
            rows,
            columns: file.columns().to_vec(),
            warnings: file.warnings().to_vec(),
            missing_fields: file.missing_fields(),
        }
    }

    /// Returns all columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the warnings.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the number of the row at `index` of the batch.
    pub fn row(&self, index: usize) -> Option<u32> {
        self.rows.get(index).copied()
    }

    /// Returns the column that provides the invalid value. `None` if no column does: a required
    /// field is missing, or the row as a whole is invalid.
    pub fn column(&self, error: &FieldError) -> Option<&Column> {
        let field = error.field.as_deref()?;
        let provides = |column: &&Column| {
            let Some(provided) = column.field.as_deref() else {
                return false;
            };
            match &error.item {
                Some(Item::Key(key)) => provided
                    .strip_prefix(field)
                    .and_then(|rest| rest.strip_prefix('.'))
                    .is_some_and(|provided| provided == key),
                Some(Item::Index(_)) | None => provided == field,
            }
        };
        self.columns.iter().find(provides)
    }

    /// Returns the required fields that no column and no option provides.
    pub fn missing_fields(&self) -> &[&'static str] {
        &self.missing_fields
    }

    /// Returns the message of an error in the row at `index`, or in the file as a whole, such as
    /// "Service Tag (`serial_number`) is required". Contains no value of the file other than
    /// headers.
    pub fn message(&self, index: Option<usize>, error: &FieldError) -> String {
        let detail = self.detail(error);
        if error.is_sentence() {
            return detail;
        }
        if index.is_none() {
            return format!("The file {detail}");
        }
        let Some(field) = error.field.as_deref() else {
            return format!("The row {detail}");
        };
        match self.column(error) {
            Some(column) if column.field.as_deref() != Some(column.header.as_str()) => {
                format!("{} (`{field}`) {detail}", column.name)
            }
            None if self.missing_fields.contains(&field) => {
                format!(
                    "`{field}` {detail}, but no column provides it: add it to `columns` or \
                     `defaults`"
                )
            }
            _ => format!("`{field}` {detail}"),
        }
    }

    /// Returns the detail of an error. States the number of a row instead of its index, and what a
    /// cell may contain where it differs from JSON. Leaves out the `user_id` of the row, which
    /// details of the domain repeat.
    fn detail(&self, error: &FieldError) -> String {
        if let Some(Related::DuplicateOf(index)) = &error.related
            && let Some(row) = self.row(*index)
        {
            return format!("is the same as in row {row} of the file");
        }
        let field = error.field.as_deref().and_then(field);
        let detail = match (error.reason, field.map(Field::format)) {
            (Reason::Malformed, Some(Format::Amount)) => {
                "must be an amount such as 1299.00 or 1.299,00 EUR"
            }
            (Reason::WrongType, Some(Format::Boolean)) => "must be yes or no",
            (Reason::NoMatchKey, _) => {
                "is required, because rows are matched by it: fill in the cell, or import the row \
                 without `on_conflict`"
            }
            (Reason::UnknownUser, Some(Format::Id)) => "is not the id of a user of this workspace",
            (Reason::UserMismatch, _) => {
                "is the address of another user than `user_id`: send one of them"
            }
            _ => &error.detail,
        };
        detail.to_owned()
    }
}
