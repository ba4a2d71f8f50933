//! Rejected values.

use std::borrow::Cow;

use super::RawValue;
use crate::validation::error::{ErrorCode, FieldError, Item, Reason};

/// Error of a value: a [`FieldError`] without its field.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidValue {
    /// Code of the error in the API.
    pub code: ErrorCode,
    /// Reason, for programs.
    pub reason: Reason,
    /// Reason, for people: a predicate such as "must be a date".
    pub detail: Cow<'static, str>,
}

impl InvalidValue {
    /// Creates an error with the code [`ErrorCode::InvalidField`].
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: ErrorCode::InvalidField,
            reason,
            detail: detail.into(),
        }
    }

    /// Creates the error of a value that is not of the `expected` kind, such as "an integer".
    /// Returns the error of the reader instead if it rejected the value.
    pub(crate) fn wrong_type(expected: &'static str, actual: &RawValue<'_>) -> Self {
        if let RawValue::Invalid(invalid) = actual {
            return InvalidValue::clone(invalid);
        }
        let actual = actual.kind().as_str();
        Self::new(
            Reason::WrongType,
            format!("must be {expected}, not {actual}"),
        )
    }

    /// Adds the field, and the item of the list or object that is invalid.
    pub(crate) fn at(self, field: &'static str, item: Option<Item>) -> FieldError {
        FieldError {
            item,
            ..FieldError::new(field, self.code, self.reason, self.detail)
        }
    }
}
