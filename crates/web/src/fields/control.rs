//! Form controls of fields, and the rows that forms send.

use devices_domain::{Field, Format, RawRow, RawValue};

use super::label::{label, words};
use crate::query::Pairs;

/// Form control of a field, by its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    /// One line of this type (`text`, `email`, `date`, `datetime-local`, `number`).
    Input(&'static str),
    /// Several lines: a comment, a list with one item per line, or pairs as `key: value`.
    Lines,
    /// One of these values, or none.
    Choice(Vec<Choice>),
}

/// Value that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

/// A field in a form, with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormField {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    /// Empty for none.
    pub(crate) hint: String,
    pub(crate) control: Control,
    pub(crate) is_required: bool,
    pub(crate) value: String,
    pub(crate) error: Option<String>,
}

impl FormField {
    /// Creates the form field of a stored value.
    pub(crate) fn new(field: &'static Field, raw: &RawValue<'_>) -> Self {
        Self {
            name: field.name(),
            label: label(field),
            hint: hint(field),
            control: control(field.format()),
            is_required: field.is_required(),
            value: form_value(raw),
            error: None,
        }
    }

    /// Shows the value that was sent, and its error.
    #[must_use]
    pub(crate) fn with_sent(mut self, sent: &Pairs, error: Option<String>) -> Self {
        if let Some(value) = sent.raw(self.name) {
            value.clone_into(&mut self.value);
        }
        self.error = error;
        self
    }
}

fn hint(field: &Field) -> String {
    match field.format() {
        Format::TextList { .. } => "One per line.".to_owned(),
        Format::Attributes { .. } => "One per line, as key: value.".to_owned(),
        _ => String::new(),
    }
}

fn control(format: Format) -> Control {
    let choice = |value: &str, label: String| Choice {
        value: value.to_owned(),
        label,
    };
    match format {
        Format::Lines { .. } | Format::TextList { .. } | Format::Attributes { .. } => {
            Control::Lines
        }
        Format::OneOf(names) => {
            Control::Choice(names.iter().map(|name| choice(name, words(name))).collect())
        }
        Format::Boolean => Control::Choice(vec![
            choice("true", "Yes".to_owned()),
            choice("false", "No".to_owned()),
        ]),
        Format::Date => Control::Input("date"),
        Format::Email => Control::Input("email"),
        Format::Text { .. }
        | Format::SerialNumber
        | Format::AssetTag
        | Format::Amount
        | Format::Instant
        | Format::Id => Control::Input("text"),
    }
}

/// Returns the text with which a form control shows a value.
fn form_value(raw: &RawValue<'_>) -> String {
    match raw {
        RawValue::Text(text) => text.clone().into_owned(),
        RawValue::Integer(number) => number.to_string(),
        RawValue::Boolean(value) => value.to_string(),
        RawValue::List(items) => {
            let items: Vec<_> = items.iter().map(form_value).collect();
            items.join("\n")
        }
        RawValue::Object(members) => {
            let lines = members.iter();
            let lines = lines.map(|(key, value)| format!("{key}: {}", form_value(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Fills a row with the values of a form. A field that the form does not have stays absent; an
/// empty value clears the field in an update.
pub(crate) fn read_row<'a>(row: &mut RawRow<'a>, fields: &[&'static Field], sent: &'a Pairs) {
    for field in fields {
        let Some(text) = sent.raw(field.name()) else {
            continue;
        };
        if matches!(field.format(), Format::Attributes { .. }) {
            row.set(field.name(), attributes(text));
        } else {
            // Browsers send the line breaks of a text as CR LF.
            row.set_text(field.name(), text.replace("\r\n", "\n"));
        }
    }
}

/// Reads lines such as `Room: 12`. A line without a colon is a key without a value, which
/// validation rejects.
fn attributes(text: &str) -> RawValue<'_> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let members = lines.map(|line| {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        (key.trim().into(), RawValue::text(value.trim()))
    });
    RawValue::Object(members.take(RawValue::MAX_MEMBERS).collect())
}

/// Returns whether one of the fields of a form has an error.
pub(crate) fn has_errors<'f>(fields: impl IntoIterator<Item = &'f FormField>) -> bool {
    fields.into_iter().any(|field| field.error.is_some())
}
