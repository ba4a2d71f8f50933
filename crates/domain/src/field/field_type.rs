//! Types of fields: a value that is required, optional, or has a default.

use std::convert::Infallible;
use std::fmt::Debug;

use super::sanitize::trim;
use super::{Email, FieldChange, FieldValue, Format, InvalidValue, RawValue, RequiredText};
use crate::validation::error::{Item, Reason};

/// Receives an invalid value and, for a list or an object, the invalid item.
pub(crate) type InvalidValueSink<'s> = &'s mut dyn FnMut(Option<Item>, InvalidValue);

/// Type of a field in a group. Its implementation is the validation rule of the field.
pub(crate) trait FieldType: Sized {
    /// `true` if the field must have a value when its row is created.
    const REQUIRED: bool = false;
    /// `true` if an update may clear the field.
    const NULLABLE: bool;
    const FORMAT: Format;

    /// Part of a value that an update merges into the stored value. [`Infallible`] for types whose
    /// updates replace the value.
    type Part: Debug + Clone + PartialEq;

    /// Reads the field, or returns `None` after rejecting at least one value.
    fn read(raw: &RawValue<'_>, reject: InvalidValueSink<'_>) -> Option<Self>;

    /// Reads the change of the field in an update, or returns `None` after rejecting at least one
    /// value.
    fn read_change(raw: &RawValue<'_>, reject: InvalidValueSink<'_>) -> Option<FieldChange<Self>> {
        Self::read(raw, reject).map(FieldChange::Set)
    }

    /// Merges a part of a value into this value.
    fn merge(&mut self, part: &Self::Part);

    /// Returns the raw value that [`read`](Self::read) turns into this value.
    fn to_raw(&self) -> RawValue<'_>;
}

/// Returns whether a raw value is absent, null or blank text: all three mean "no value".
pub(crate) fn is_empty_value(raw: &RawValue<'_>) -> bool {
    match raw {
        RawValue::Absent | RawValue::Null => true,
        RawValue::Text(text) => trim(text).is_empty(),
        _ => false,
    }
}

fn read_value<T: FieldValue>(raw: &RawValue<'_>, reject: InvalidValueSink<'_>) -> Option<T> {
    T::parse(raw).map_err(|invalid| reject(None, invalid)).ok()
}

impl<T: FieldValue> FieldType for Option<T> {
    const NULLABLE: bool = true;
    const FORMAT: Format = T::FORMAT;

    type Part = Infallible;

    fn read(raw: &RawValue<'_>, reject: InvalidValueSink<'_>) -> Option<Self> {
        if T::is_absent(raw) {
            Some(None)
        } else {
            read_value(raw, reject).map(Some)
        }
    }

    fn merge(&mut self, part: &Infallible) {
        match *part {}
    }

    fn to_raw(&self) -> RawValue<'_> {
        self.as_ref().map_or(RawValue::Absent, T::to_raw)
    }
}

/// Reads a field that must have a value.
pub(crate) fn read_required<T: FieldValue>(
    raw: &RawValue<'_>,
    reject: InvalidValueSink<'_>,
) -> Option<T> {
    if !is_empty_value(raw) {
        return read_value(raw, reject);
    }
    let detail = match raw {
        RawValue::Text(_) => "is required and must not be empty",
        _ => "is required",
    };
    reject(None, InvalidValue::new(Reason::Required, detail));
    None
}

/// Reads a field that has a default.
pub(crate) fn read_or_default<T: FieldValue + Default>(
    raw: &RawValue<'_>,
    reject: InvalidValueSink<'_>,
) -> Option<T> {
    Option::<T>::read(raw, reject).map(Option::unwrap_or_default)
}

/// Implements [`FieldType`] for a [`FieldValue`] that is never null: a `required` one must be sent,
/// a `defaulted` one is [`Default::default`] if it is not sent.
macro_rules! non_null_field_type {
    (required $Value:ty) => {
        $crate::field::non_null_field_type!(@implement $Value, true, read_required);
    };
    (defaulted $Value:ty) => {
        $crate::field::non_null_field_type!(@implement $Value, false, read_or_default);
    };
    (@implement $Value:ty, $is_required:literal, $read:ident) => {
        impl $crate::field::FieldType for $Value {
            const REQUIRED: bool = $is_required;
            const NULLABLE: bool = false;
            const FORMAT: $crate::field::Format = <$Value as $crate::field::FieldValue>::FORMAT;

            type Part = std::convert::Infallible;

            fn read(
                raw: &$crate::field::RawValue<'_>,
                reject: $crate::field::InvalidValueSink<'_>,
            ) -> Option<Self> {
                $crate::field::$read(raw, reject)
            }

            fn merge(&mut self, part: &std::convert::Infallible) {
                match *part {}
            }

            fn to_raw(&self) -> $crate::field::RawValue<'_> {
                $crate::field::FieldValue::to_raw(self)
            }
        }
    };
}
pub(crate) use non_null_field_type;

non_null_field_type!(defaulted bool);
non_null_field_type!(required RequiredText);
non_null_field_type!(required Email);
