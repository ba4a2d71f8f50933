//! Changes of a field in an update.

use super::{FieldType, InvalidValue, RawRow, RawValue, is_empty_value};
use crate::validation::error::{FieldError, Reason};

/// Change of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldChange<T: FieldType> {
    /// Keeps the stored value.
    Keep,
    /// Replaces the stored value.
    Set(T),
    /// Merges a part of a value into the stored value.
    Merge(T::Part),
}

impl<T: FieldType + Clone> FieldChange<T> {
    pub(crate) fn apply(&self, value: &mut T) {
        match self {
            Self::Keep => {}
            Self::Set(new) => *value = new.clone(),
            Self::Merge(part) => value.merge(part),
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
        value => T::read_change(value, &mut |item, invalid: InvalidValue| {
            reject(invalid.at(field.name(), item));
        }),
    }
}
