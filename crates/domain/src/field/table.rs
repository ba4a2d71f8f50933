//! Field tables: all fields of a device, user or enrolment, and the validation of their rows.

use std::collections::HashSet;

use super::unknown_fields::{UnknownFields, repeated_field, repeated_unknown_field, unknown_field};
use super::{Field, FieldType, FieldValue, InvalidValue, RawRow};
use crate::validation::error::{ErrorCode, FieldError, Reason};
use crate::validation::report::ErrorReport;
use crate::validation::row_errors::RowErrors;

/// All fields of one kind of object.
#[derive(Debug)]
pub(crate) struct FieldTable {
    /// Name of the kind in messages, with its article: "a device".
    pub(crate) noun: &'static str,
    pub(crate) fields: &'static [Field],
    /// Returns the index of a name in [`fields`](Self::fields): a `match`, which needs no map.
    pub(crate) find_index: fn(&str) -> Option<usize>,
}

impl FieldTable {
    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        (self.find_index)(name)
    }
}

/// Reads the field at `index`, or returns `None` after rejecting at least one value.
pub(crate) fn read<T: FieldType>(
    row: &RawRow<'_>,
    index: usize,
    reject: &mut dyn FnMut(FieldError),
) -> Option<T> {
    let name = row.table().fields[index].name();
    T::read(row.value(index), &mut |item, invalid: InvalidValue| {
        reject(invalid.at(name, item));
    })
}

/// Reads the value at `index`. An absent, empty or invalid value is `None`.
pub(crate) fn read_if_valid<T: FieldValue>(row: &RawRow<'_>, index: usize) -> Option<T> {
    Option::read(row.value(index), &mut |_, _| ()).flatten()
}

/// Validates a row of this table: the fields, with `read_fields`, and the names.
pub(crate) fn validate<T>(
    row: &RawRow<'_>,
    table: &'static FieldTable,
    unknown_fields: UnknownFields,
    errors: &mut RowErrors<'_>,
    read_fields: impl FnOnce(&mut dyn FnMut(FieldError)) -> Option<T>,
) -> Option<T> {
    if !std::ptr::eq(row.table(), table) {
        let (actual, expected) = (row.table().noun, table.noun);
        errors.push(FieldError::whole(
            ErrorCode::InvalidBody,
            Reason::WrongType,
            format!("must be a row of {expected}, not of {actual}"),
        ));
        return None;
    }
    let value = read_fields(&mut |error| errors.push(error));
    for name in row.repeated_names() {
        errors.push(repeated_field(name));
    }
    let mut ignored = HashSet::new();
    for name in row.unknown_names() {
        if unknown_fields == UnknownFields::Reject {
            // Lazy: the search for the nearest name costs more than reading the row.
            errors.push_with(|| unknown_field(name, table));
        } else if !ignored.insert(name) {
            errors.push(repeated_unknown_field(name));
        }
    }
    // `Option::filter` would move the value.
    if errors.is_empty() { value } else { None }
}

/// Validates a row that is not part of a batch. The report has the same limit as that of a batch.
pub(crate) fn validate_single<T>(
    row: &RawRow<'_>,
    table: &'static FieldTable,
    unknown_fields: UnknownFields,
    read_fields: impl FnOnce(&mut dyn FnMut(FieldError)) -> Option<T>,
) -> Result<T, ErrorReport> {
    let mut report = ErrorReport::default();
    let errors = &mut RowErrors::new(&mut report, None);
    let value = validate(row, table, unknown_fields, errors, read_fields);
    value.ok_or_else(|| report.finish())
}
