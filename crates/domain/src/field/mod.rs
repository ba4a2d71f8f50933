//! Fields of whatever is kept: how a field's Rust type becomes its rule, and how groups of them are
//! declared.

mod amount;
mod date;
mod email;
mod instant;
mod raw_row;
mod serial_number;
mod string_enum;
mod table;
mod text;
mod unknown_fields;

use std::borrow::Cow;

use crate::ids::UserId;
use crate::validation::error::{ErrorCode, FieldError, Reason};

pub use amount::Amount;
pub use date::Date;
pub use email::Email;
pub use instant::Instant;
pub use raw_row::{RawRow, RawValue, ValueKind};
pub use serial_number::SerialNumber;
pub(crate) use serial_number::fold;
pub(crate) use string_enum::string_enum;
pub(crate) use table::{FieldChange, FieldTable, fields, judge, read, read_change, validate_alone};
pub(crate) use text::clean;
pub use text::{Comment, RequiredText, ShortText, Text, TextList};
pub use unknown_fields::{UnknownFields, nearest_name};

/// One row of the field table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    required: bool,
    immutable: bool,
    format: Format,
}

impl Field {
    pub(crate) const fn of<T: FieldType>(name: &'static str) -> Self {
        Self {
            name,
            required: T::REQUIRED,
            immutable: false,
            format: T::FORMAT,
        }
    }

    /// The same field, which keeps the value that it was created with.
    pub(crate) const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// The name as the API spells it, such as `client_warranty_endDate`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether what lacks it is refused.
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// Whether it keeps the value that it was created with.
    pub const fn is_immutable(&self) -> bool {
        self.immutable
    }

    /// What values it takes.
    pub const fn format(&self) -> Format {
        self.format
    }
}

/// What values a field takes. Lengths are in characters (Unicode scalar values), after trimming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text of at most this length.
    Text {
        /// The longest text.
        max_length: usize,
    },
    /// A text, or a list of texts.
    TextList {
        /// The most items.
        max_items: usize,
        /// The longest item.
        max_length: usize,
    },
    /// A serial number: see [`SerialNumber`].
    SerialNumber,
    /// An e-mail address: see [`Email`].
    Email,
    /// An amount of money: see [`Amount`].
    Amount,
    /// A day: see [`Date`].
    Date,
    /// A moment: see [`Instant`].
    Instant,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// The number of something, above zero.
    Id,
}

/// Why a value is refused: all of a [`FieldError`] but the field.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidValue {
    /// The part of the contract it falls under.
    pub code: ErrorCode,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people: "must be ...".
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

    pub(crate) fn wrong_type(expected: &'static str, found: ValueKind) -> Self {
        let found = found.as_str();
        Self::new(
            Reason::WrongType,
            format!("must be {expected}, not {found}"),
        )
    }

    pub(crate) fn at(self, field: &'static str, item: Option<usize>) -> FieldError {
        FieldError {
            item,
            ..FieldError::of(field, self.code, self.reason, self.detail)
        }
    }
}

/// Hands a refusal, and the list item it is about, to whoever gathers them.
pub(crate) type InvalidValueSink<'s> = &'s mut dyn FnMut(Option<usize>, InvalidValue);

/// What stands as a field in one of the groups; its implementation is the field's rule.
pub(crate) trait FieldType: Sized {
    const REQUIRED: bool = false;
    /// Whether "nothing" is a value that it can be changed to.
    const NULLABLE: bool;
    const FORMAT: Format;

    /// The value, or `None` after at least one refusal.
    fn read(raw: &RawValue<'_>, refuse: InvalidValueSink<'_>) -> Option<Self>;

    /// What [`read`](Self::read) makes the same value of.
    fn to_raw(&self) -> RawValue<'_>;
}

/// A value of its own, of a field that has one; its implementation is the value's rule.
///
/// ```
/// use devices_domain::{Amount, FieldValue, RawValue, Reason};
///
/// let amount = Amount::parse(&RawValue::text("1299,00")).unwrap();
/// assert_eq!(amount.to_string(), "1299.00");
/// let refusal = Amount::parse(&RawValue::text("-5")).unwrap_err();
/// assert_eq!(refusal.reason, Reason::Negative);
/// ```
pub trait FieldValue: Sized {
    /// What values it takes.
    const FORMAT: Format;

    /// Judges a value that is there: neither absent nor null nor empty.
    ///
    /// # Errors
    /// Where it breaks the rule.
    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue>;

    /// What [`parse`](Self::parse) makes the same value of.
    fn to_raw(&self) -> RawValue<'_>;
}

/// Absent, null and empty text all say that nothing is known.
pub(crate) fn is_empty_value(raw: &RawValue<'_>) -> bool {
    match raw {
        RawValue::Absent | RawValue::Null => true,
        RawValue::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn read_value<T: FieldValue>(raw: &RawValue<'_>, refuse: InvalidValueSink<'_>) -> Option<T> {
    T::parse(raw).map_err(|refusal| refuse(None, refusal)).ok()
}

impl<T: FieldValue> FieldType for Option<T> {
    const NULLABLE: bool = true;
    const FORMAT: Format = T::FORMAT;

    fn read(raw: &RawValue<'_>, refuse: InvalidValueSink<'_>) -> Option<Self> {
        match is_empty_value(raw) {
            true => Some(None),
            false => read_value(raw, refuse).map(Some),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        self.as_ref().map_or(RawValue::Absent, T::to_raw)
    }
}

/// Reads a value that must be there.
pub(crate) fn read_required<T: FieldValue>(
    raw: &RawValue<'_>,
    refuse: InvalidValueSink<'_>,
) -> Option<T> {
    if !is_empty_value(raw) {
        return read_value(raw, refuse);
    }
    let detail = match raw {
        RawValue::Text(_) => "is required and must not be empty",
        _ => "is required",
    };
    refuse(None, InvalidValue::new(Reason::Required, detail));
    None
}

/// Makes fields of values that must be there, or that have a default where nothing is known.
macro_rules! never_null_field_types {
    ($($Value:ty: $required:literal, $read:expr;)+) => {$(
        impl $crate::field::FieldType for $Value {
            const REQUIRED: bool = $required;
            const NULLABLE: bool = false;
            const FORMAT: $crate::field::Format = <$Value as $crate::field::FieldValue>::FORMAT;

            fn read(
                raw: &$crate::field::RawValue<'_>,
                refuse: $crate::field::InvalidValueSink<'_>,
            ) -> Option<Self> {
                let read: fn(&$crate::field::RawValue<'_>, $crate::field::InvalidValueSink<'_>) -> Option<Self> =
                    $read;
                read(raw, refuse)
            }

            fn to_raw(&self) -> $crate::field::RawValue<'_> {
                $crate::field::FieldValue::to_raw(self)
            }
        }
    )+};
}
pub(crate) use never_null_field_types;

/// Reads a value that has a default where nothing is known.
pub(crate) fn read_or_default<T: FieldValue + Default>(
    raw: &RawValue<'_>,
    refuse: InvalidValueSink<'_>,
) -> Option<T> {
    Option::<T>::read(raw, refuse).map(Option::unwrap_or_default)
}

never_null_field_types! {
    bool: false, read_or_default;
    RequiredText: true, read_required;
    Email: true, read_required;
}

impl FieldValue for bool {
    const FORMAT: Format = Format::Boolean;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        match raw {
            RawValue::Boolean(value) => Ok(*value),
            other => Err(InvalidValue::wrong_type("true or false", other.kind())),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::Boolean(*self)
    }
}

impl FieldValue for UserId {
    const FORMAT: Format = Format::Id;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        match raw {
            RawValue::Integer(id) if *id > 0 => Ok(Self(*id)),
            RawValue::Integer(_) => Err(InvalidValue::new(
                Reason::OutOfRange,
                "must be an integer above zero",
            )),
            RawValue::HugeInteger => Err(InvalidValue::new(
                Reason::OutOfRange,
                "must be an integer of at most 64 bits",
            )),
            RawValue::Other(ValueKind::Number) => Err(InvalidValue::new(
                Reason::WrongType,
                "must be an integer, without a fraction",
            )),
            other => Err(InvalidValue::wrong_type("an integer", other.kind())),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::Integer(self.0)
    }
}
