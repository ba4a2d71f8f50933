//! How a field's Rust type becomes its rule.

use std::borrow::Cow;

use crate::access::UserId;
use crate::error::{ErrorCode, FieldError, Reason};
use crate::raw_row::{Kind, RawValue};

/// One row of the field table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    name: &'static str,
    required: bool,
    shape: Shape,
}

impl Field {
    pub(super) const fn of<T: FieldType>(name: &'static str) -> Self {
        Self {
            name,
            required: T::REQUIRED,
            shape: T::SHAPE,
        }
    }

    /// The name as the API spells it, such as `client_warranty_endDate`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a device without it is refused.
    pub const fn required(&self) -> bool {
        self.required
    }

    /// What values it takes.
    pub const fn shape(&self) -> Shape {
        self.shape
    }
}

/// What values a field takes. Lengths are in characters (Unicode scalar values), after trimming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
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
    /// A serial number: see [`SerialNumber`](super::SerialNumber).
    SerialNumber,
    /// An amount of money: see [`Amount`](super::Amount).
    Amount,
    /// A day: see [`Date`](super::Date).
    Date,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// True or false.
    Boolean,
    /// The number of something, above zero.
    Id,
}

/// Why a value is refused: all of a [`FieldError`] but the field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) reason: Reason,
    pub(super) detail: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: ErrorCode::InvalidField,
            reason,
            detail: detail.into(),
        }
    }

    pub(super) fn wrong_type(expected: &'static str, found: Kind) -> Self {
        let found = found.as_str();
        Self::new(
            Reason::WrongType,
            format!("must be {expected}, not {found}"),
        )
    }

    pub(super) fn at(self, field: &'static str, item: Option<usize>) -> FieldError {
        FieldError {
            item,
            ..FieldError::of(field, self.code, self.reason, self.detail)
        }
    }
}

/// Hands a refusal, and the list item it is about, to whoever gathers them.
pub(super) type Refuse<'s> = &'s mut dyn FnMut(Option<usize>, Refusal);

/// What stands as a field in one of the groups; its implementation is the field's rule.
pub(super) trait FieldType: Sized {
    const REQUIRED: bool = false;
    const SHAPE: Shape;

    /// The value, or `None` after at least one refusal.
    fn read(raw: &RawValue<'_>, refuse: Refuse<'_>) -> Option<Self>;
}

/// A value of its own, of a field that has one.
pub(super) trait Value: Sized {
    const SHAPE: Shape;

    /// Judges a value that is there: neither absent nor null nor empty.
    fn parse(raw: &RawValue<'_>) -> Result<Self, Refusal>;
}

/// Absent, null and empty text all say that nothing is known.
pub(super) fn is_nothing(raw: &RawValue<'_>) -> bool {
    match raw {
        RawValue::Absent | RawValue::Null => true,
        RawValue::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

impl<T: Value> FieldType for Option<T> {
    const SHAPE: Shape = T::SHAPE;

    fn read(raw: &RawValue<'_>, refuse: Refuse<'_>) -> Option<Self> {
        if is_nothing(raw) {
            return Some(None);
        }
        match T::parse(raw) {
            Ok(value) => Some(Some(value)),
            Err(refusal) => {
                refuse(None, refusal);
                None
            }
        }
    }
}

/// False where nothing is known.
impl FieldType for bool {
    const SHAPE: Shape = Shape::Boolean;

    fn read(raw: &RawValue<'_>, refuse: Refuse<'_>) -> Option<Self> {
        Option::<bool>::read(raw, refuse).map(Option::unwrap_or_default)
    }
}

impl Value for bool {
    const SHAPE: Shape = Shape::Boolean;

    fn parse(raw: &RawValue<'_>) -> Result<Self, Refusal> {
        match raw {
            RawValue::Boolean(value) => Ok(*value),
            other => Err(Refusal::wrong_type("true or false", other.kind())),
        }
    }
}

impl Value for UserId {
    const SHAPE: Shape = Shape::Id;

    fn parse(raw: &RawValue<'_>) -> Result<Self, Refusal> {
        match raw {
            RawValue::Integer(id) if *id > 0 => Ok(Self(*id)),
            RawValue::Integer(_) => Err(Refusal::new(
                Reason::OutOfRange,
                "must be an integer above zero",
            )),
            RawValue::HugeInteger => Err(Refusal::new(
                Reason::OutOfRange,
                "must be an integer of at most 64 bits",
            )),
            RawValue::Other(Kind::Number) => Err(Refusal::new(
                Reason::WrongType,
                "must be an integer, without a fraction",
            )),
            other => Err(Refusal::wrong_type("an integer", other.kind())),
        }
    }
}
