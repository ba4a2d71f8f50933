//! Types of values.

use super::{Format, InvalidValue, RawValue, is_empty_value};

/// Type of a value. Its implementation is the validation rule of the value.
///
/// ```
/// use devices_domain::{Amount, FieldValue, RawValue, Reason};
///
/// let amount = Amount::parse(&RawValue::text("1299,00")).unwrap();
/// assert_eq!(amount.to_string(), "1299.00");
/// let error = Amount::parse(&RawValue::text("-5")).unwrap_err();
/// assert_eq!(error.reason, Reason::Negative);
/// ```
pub trait FieldValue: Sized {
    /// Format of the values.
    const FORMAT: Format;

    /// Returns whether a raw value means "no value". Absent values, null and blank text do; a type
    /// can have more of them.
    #[must_use]
    fn is_absent(raw: &RawValue<'_>) -> bool {
        is_empty_value(raw)
    }

    /// Parses a value that is neither absent nor null nor empty.
    ///
    /// # Errors
    /// Returns the first rule that the value breaks.
    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue>;

    /// Returns the raw value that [`parse`](Self::parse) turns into this value.
    fn to_raw(&self) -> RawValue<'_>;
}
