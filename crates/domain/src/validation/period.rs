//! Periods: pairs of dates of which the second must not be before the first.

use super::error::{ErrorCode, FieldError, Reason};
use crate::field::Date;

/// Returns the error of a period that ends before it starts. Each date comes with the name of its
/// field.
pub(crate) fn period_error(
    (start_name, start): (&'static str, Option<Date>),
    (end_name, end): (&'static str, Option<Date>),
) -> Option<FieldError> {
    (end? < start?).then(|| {
        FieldError::new(
            end_name,
            ErrorCode::InvalidField,
            Reason::EndsBeforeStart,
            format!("must not be before `{start_name}`"),
        )
    })
}
