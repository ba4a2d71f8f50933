//! Rejected values.

use std::borrow::Cow;

use super::ValueKind;
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
    pub(crate) fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: ErrorCode::InvalidField,
            reason,
            detail: detail.into(),
        }
    }

    /// Creates the error of a value that is not of the `expected` kind, such as "an integer".
    pub(crate) fn wrong_type(expected: &'static str, actual: ValueKind) -> Self {
        let actual = actual.as_str();
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
