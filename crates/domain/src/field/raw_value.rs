//! Raw values: the input of validation, independent of JSON, CSV or any other format.

use std::borrow::Cow;

use super::{Attributes, InvalidValue, TextList};

/// A value before validation.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RawValue<'a> {
    /// The field was not sent.
    #[default]
    Absent,
    /// An explicit null.
    Null,
    /// Well-formed Unicode text.
    Text(Cow<'a, str>),
    /// Text that is not well-formed Unicode, such as a lone surrogate in a JSON escape.
    IllFormedText,
    /// An integer that fits in 64 bits.
    Integer(i64),
    /// An integer that does not fit in 64 bits.
    HugeInteger,
    /// True or false.
    Boolean(bool),
    /// A list of values. A reader may stop after [`RawValue::MAX_ITEMS`] of them.
    List(Vec<RawValue<'a>>),
    /// Members of an object, in order, repeated names included. A reader may stop after
    /// [`RawValue::MAX_MEMBERS`] of them.
    Object(Vec<(Cow<'a, str>, RawValue<'a>)>),
    /// Text that the reader rejected, such as a number whose digits a spreadsheet lost. No field
    /// accepts it: validation reports this error.
    Invalid(Box<InvalidValue>),
    /// Any other value. No field accepts it.
    Other(ValueKind),
}

impl<'a> RawValue<'a> {
    /// Number of list items that a reader must keep: one more than any field accepts, so that a
    /// list with too many items is still rejected.
    pub const MAX_ITEMS: usize = TextList::MAX_ITEMS + 1;

    /// Number of members of an object that a reader must keep: one more than any field accepts.
    pub const MAX_MEMBERS: usize = Attributes::MAX_MEMBERS + 1;

    /// Creates a text value.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Returns the kind of the value, for messages.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Absent => ValueKind::Nothing,
            Self::Null => ValueKind::Null,
            Self::Text(_) | Self::IllFormedText | Self::Invalid(_) => ValueKind::Text,
            Self::Integer(_) | Self::HugeInteger => ValueKind::Number,
            Self::Boolean(_) => ValueKind::Boolean,
            Self::List(_) => ValueKind::List,
            Self::Object(_) => ValueKind::Object,
            Self::Other(kind) => *kind,
        }
    }
}

/// Kind of a value, for messages such as "must be a string, not a number".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// An absent value.
    Nothing,
    /// An explicit null.
    Null,
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list of values.
    List,
    /// A value with members of its own.
    Object,
}

impl ValueKind {
    /// Returns the JSON name of the kind, with its article: "a number".
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Null => "null",
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::List => "an array",
            Self::Object => "an object",
        }
    }
}
