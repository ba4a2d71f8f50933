//! Values of fields as pages show them.

use std::borrow::Cow;

use devices_domain::{Field, Format, RawRow, RawValue};

use super::label::{label, words};

/// A value of a field, by the way in which it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Nothing,
    /// One line, or several lines of a comment.
    Text(String),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
    Boolean(bool),
    /// `YYYY-MM-DD`.
    Date(String),
    /// RFC 3339.
    Instant(String),
    /// Decimal digits with a point.
    Number(String),
}

impl Value {
    /// Returns the value of a field of a stored object.
    pub(crate) fn new(field: &Field, raw: &RawValue<'_>) -> Self {
        match raw {
            RawValue::Text(text) => {
                let text = text.clone().into_owned();
                match field.format() {
                    Format::Date => Self::Date(text),
                    Format::Instant => Self::Instant(text),
                    Format::Amount => Self::Number(text),
                    Format::OneOf(_) => Self::Text(words(&text)),
                    _ => Self::Text(text),
                }
            }
            RawValue::Integer(number) => Self::Text(number.to_string()),
            RawValue::Boolean(value) => Self::Boolean(*value),
            RawValue::List(items) if items.is_empty() => Self::Nothing,
            RawValue::List(items) => Self::List(items.iter().filter_map(text_of).collect()),
            RawValue::Object(members) if members.is_empty() => Self::Nothing,
            RawValue::Object(members) => Self::Pairs(pairs(members)),
            _ => Self::Nothing,
        }
    }
}

impl Value {
    /// Returns whether the value is aligned at its end.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}

fn text_of(raw: &RawValue<'_>) -> Option<String> {
    match raw {
        RawValue::Text(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}

fn pairs(members: &[(Cow<'_, str>, RawValue<'_>)]) -> Vec<(String, String)> {
    let pairs = members.iter();
    let pairs = pairs.filter_map(|(key, value)| Some((key.clone().into_owned(), text_of(value)?)));
    pairs.collect()
}

/// Returns the labels and values of fields.
pub(crate) fn values(
    fields: impl IntoIterator<Item = &'static Field>,
    row: &RawRow<'_>,
) -> Vec<(String, Value)> {
    let fields = fields.into_iter();
    let values = fields.map(|field| (label(field), Value::new(field, row.get(field.name()))));
    values.collect()
}

/// Returns the labels and values of the fields that have one in a row.
pub(crate) fn filled_values(
    fields: impl IntoIterator<Item = &'static Field>,
    row: &RawRow<'_>,
) -> Vec<(String, Value)> {
    let mut values = values(fields, row);
    values.retain(|(_, value)| *value != Value::Nothing);
    values
}
