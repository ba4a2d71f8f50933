//! Form controls of fields.

use devices_domain::{Field, Format};

use super::label::words;
use crate::texts::EN;

/// Form control of a field, by its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    /// One line of this type (`text`, `email`, `date`), with the keyboard that touch screens show
    /// (`inputmode`), empty for the usual one.
    Input {
        kind: &'static str,
        keyboard: &'static str,
    },
    /// Several lines: a comment, a list with one item per line, or pairs as `key: value`.
    Lines,
    /// One of these values.
    Choice(Vec<Choice>),
}

/// Value that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

impl Choice {
    pub(crate) fn new(value: &str, label: impl Into<String>) -> Self {
        Self {
            value: value.to_owned(),
            label: label.into(),
        }
    }
}

/// Returns the control of a field. A choice offers no value, too, unless the field has a default.
pub(crate) fn control(field: &Field) -> Control {
    let input = |kind, keyboard| Control::Input { kind, keyboard };
    match field.format() {
        Format::Lines { .. } | Format::TextList { .. } | Format::Attributes { .. } => {
            Control::Lines
        }
        Format::OneOf(names) => {
            let names = names.iter().map(|name| Choice::new(name, words(name)));
            choices(field, names)
        }
        Format::Boolean => {
            let names = [("true", EN.common.yes), ("false", EN.common.no)];
            choices(field, names.map(|(value, label)| Choice::new(value, label)))
        }
        Format::Date => input("date", ""),
        Format::Email => input("email", ""),
        Format::Amount => input("text", "decimal"),
        Format::Id => input("text", "numeric"),
        Format::Text { .. } | Format::SerialNumber | Format::AssetTag | Format::Instant => {
            input("text", "")
        }
    }
}

fn choices(field: &Field, choices: impl IntoIterator<Item = Choice>) -> Control {
    let none = (!has_default(field)).then(|| Choice::new("", ""));
    Control::Choice(none.into_iter().chain(choices).collect())
}

/// Returns whether a field that is not sent gets a value.
fn has_default(field: &Field) -> bool {
    !field.is_required() && !field.is_nullable()
}

/// Returns the text of the default of a field. Empty if it has none.
pub(crate) fn default_text(field: &Field) -> &'static str {
    match field.format() {
        Format::Boolean if has_default(field) => "false",
        Format::OneOf([first, ..]) if has_default(field) => first,
        _ => "",
    }
}

/// Returns the hint of a field: how to write its value.
pub(crate) fn hint(field: &Field) -> &'static str {
    match field.format() {
        Format::TextList { .. } => EN.common.one_per_line,
        Format::Attributes { .. } => EN.common.pairs_hint,
        Format::Amount => EN.common.amount_hint,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use devices_domain::{Role, field, user_fields};

    use super::*;

    fn values(name: &str) -> Vec<String> {
        match control(field(name).unwrap()) {
            Control::Choice(choices) => choices.into_iter().map(|choice| choice.value).collect(),
            other => panic!("{name} has no choices, but {other:?}"),
        }
    }

    #[test]
    fn optional_boolean_has_three_states() {
        assert_eq!(values("has_webcam"), ["", "true", "false"]);
        assert_eq!(values("is_rented"), ["true", "false"]);
        assert_eq!(default_text(field("is_rented").unwrap()), "false");
        assert_eq!(default_text(field("has_webcam").unwrap()), "");
    }

    #[test]
    fn default_of_role_is_that_of_the_domain() {
        let role = user_fields().iter().find(|field| field.name() == "role");
        assert_eq!(default_text(role.unwrap()), Role::default().as_str());
    }
}
