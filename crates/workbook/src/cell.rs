//! Cells of a sheet.

use std::borrow::Cow;

use chrono::NaiveDate;

/// Cell of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell<'a> {
    /// Value.
    pub value: Value<'a>,
    /// Style of a text. Other values have that of their type.
    pub style: Style,
}

/// Value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A text, which is never a formula. An empty one is no value.
    Text(Cow<'a, str>),
    /// A number, which is shown with two decimals.
    Decimal(f64),
    /// A date from [`Value::FIRST_DATE`] on, which is shown as `2024-05-31`.
    Date(NaiveDate),
    /// True or false.
    Boolean(bool),
}

/// Style of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// No emphasis.
    #[default]
    Plain,
    /// A header.
    Header,
    /// A cell with an error.
    Marked,
}

impl Value<'_> {
    /// First date that every program counts alike: for Excel, 1900 has a 29 February.
    pub const FIRST_DATE: NaiveDate =
        NaiveDate::from_ymd_opt(1900, 3, 1).expect("a date that exists");
}

impl<'a> Cell<'a> {
    /// Creates a text without emphasis.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Value::Text(text.into()).into()
    }

    /// Creates a header.
    pub fn header(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            value: Value::Text(text.into()),
            style: Style::Header,
        }
    }
}

impl<'a> From<Value<'a>> for Cell<'a> {
    fn from(value: Value<'a>) -> Self {
        Self {
            value,
            style: Style::Plain,
        }
    }
}
