//! Values of a file that stand for another value of a field.

use devices_domain::{Format, Reason, field};
use devices_import::{ErrorGroup, ImportOptions};

use super::table::Choice;
use super::wording;
use crate::fields::words;
use crate::texts::EN;

/// Maximum number of values that a page offers to translate.
const MAX_VALUES: usize = 100;

/// Length from which the library shortens a value that it shows.
const MAX_LENGTH: usize = 100;

/// Values that can be translated, each with its control.
#[derive(Default)]
pub(super) struct Translations {
    /// Fields and values as JSON, in the order of the controls.
    pub(super) keys: String,
    pub(super) values: Vec<Translation>,
}

/// A value of the file, and the value that is stored instead.
pub(super) struct Translation {
    pub(super) field: String,
    pub(super) from: String,
    pub(super) to: String,
    /// Values of the field. Empty if any text is valid.
    pub(super) choices: Vec<Choice>,
}

impl Translations {
    /// Returns the translations of the options, and the invalid values of the groups.
    pub(super) fn new(options: &ImportOptions, groups: &[ErrorGroup]) -> Self {
        let mut keys: Vec<(String, String)> = Vec::new();
        let mut values = Vec::new();
        for (name, translations) in &options.values {
            for (from, to) in translations {
                keys.push((name.clone(), from.clone()));
                values.push(Translation::new(name, from, to));
            }
        }
        for (name, from) in groups.iter().flat_map(untranslated) {
            let is_known = |(known, other): &(String, String)| {
                known == name && other.to_lowercase() == from.to_lowercase()
            };
            if keys.len() < MAX_VALUES && !keys.iter().any(is_known) {
                keys.push((name.to_owned(), from.to_owned()));
                values.push(Translation::new(name, from, ""));
            }
        }
        Self {
            keys: serde_json::to_string(&keys).unwrap_or_default(),
            values,
        }
    }
}

/// Returns the values of a group that another value of the field could stand for.
fn untranslated(group: &ErrorGroup) -> impl Iterator<Item = (&str, &str)> {
    let name = group.field.as_deref().unwrap_or_default();
    let has_names = field(name).is_some_and(|field| !choices(field.format(), "").is_empty());
    let is_word = matches!(
        group.reason,
        Reason::NotInEnum | Reason::Malformed | Reason::WrongType
    );
    let examples = if has_names && is_word {
        group.examples.as_slice()
    } else {
        &[]
    };
    let values = examples
        .iter()
        .filter_map(|example| example.value.as_deref());
    let values = values.filter(|value| value.chars().count() < MAX_LENGTH);
    values.map(move |value| (name, value))
}

impl Translation {
    fn new(name: &str, from: &str, to: &str) -> Self {
        let format = field(name).map(devices_domain::Field::format);
        Self {
            field: wording::field_label(name),
            from: from.to_owned(),
            to: to.to_owned(),
            choices: format.map(|format| choices(format, to)).unwrap_or_default(),
        }
    }
}

fn choices(format: Format, selected: &str) -> Vec<Choice> {
    match format {
        Format::OneOf(names) => {
            let names = names.iter();
            names
                .map(|name| Choice::new(name, words(name), selected))
                .collect()
        }
        Format::Boolean => vec![
            Choice::new("yes", EN.common.yes, selected),
            Choice::new("no", EN.common.no, selected),
        ],
        _ => Vec::new(),
    }
}
