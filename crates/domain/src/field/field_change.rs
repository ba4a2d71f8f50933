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
    let field = &row.table().fields[index];
    match row.value(index) {
        RawValue::Absent => Some(FieldChange::Keep),
        // Compared with the stored value when the patch is applied.
        _ if field.is_immutable() => Some(FieldChange::Keep),
        value if !T::NULLABLE && is_empty_value(value) => {
            let detail = "must have a value: it cannot be cleared";
            reject(InvalidValue::new(Reason::NotNullable, detail).at(field.name(), None));
            None
        }
        _ => read(row, index, reject).map(FieldChange::Set),
    }
}
