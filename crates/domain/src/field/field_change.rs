//! Changes of a field in an update.

use super::{FieldType, InvalidValue, RawRow, RawValue, is_empty_value, read};
use crate::validation::error::{FieldError, Reason};

/// Change of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldChange<T> {
    /// Keeps the stored value.
    Keep,
    /// Replaces the stored value.
    Set(T),
}

impl<T: Clone> FieldChange<T> {
    pub(crate) fn apply(&self, value: &mut T) {
        if let Self::Set(new) = self {
            *value = new.clone();
        }
    }
}

/// Reads the change of the field at `index`, or returns `None` after rejecting at least one value.
pub(crate) fn read_change<T: FieldType>(
    row: &RawRow<'_>,
    index: usize,
    reject: &mut dyn FnMut(FieldError),
) -> Option<FieldChange<T>> {
    let table = row.table();
    let field = &table.fields[index];
    let mut reject_with = |reason, detail: String| {
        reject(InvalidValue::new(reason, detail).at(field.name(), None));
        None
    };
    match row.value(index) {
        RawValue::Absent => Some(FieldChange::Keep),
        _ if field.is_immutable() => reject_with(
            Reason::ImmutableField,
            format!("cannot be changed once {} is created", table.noun),
        ),
        value if !T::NULLABLE && is_empty_value(value) => reject_with(
            Reason::NotNullable,
            "must have a value: it cannot be cleared".to_owned(),
        ),
        _ => read(row, index, reject).map(FieldChange::Set),
    }
}
