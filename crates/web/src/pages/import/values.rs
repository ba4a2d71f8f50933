//! Values of a file that stand for another value of a field.

use std::collections::HashSet;

use devices_domain::{Format, Reason, field};
use devices_import::{ErrorGroup, ImportOptions};

use super::wording;
use crate::fields::{Choice, words};
use crate::texts::EN;

/// Maximum number of translations that a page shows, and of further values that it offers to
/// translate. A saved mapping can have more translations. The options in the page keep them.
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
        let given = options.values.iter();
        let given = given
            .flat_map(|(name, values)| {
                values
                    .iter()
                    .map(move |(from, to)| (&**name, &**from, &**to))
            })
            .take(MAX_VALUES);
        let mut known: HashSet<_> = given
            .clone()
            .map(|(name, from, _)| folded(name, from))
            .collect();
        let others = groups.iter().flat_map(untranslated);
        let others = others
            .filter(|(name, from)| known.insert(folded(name, from)))
            .map(|(name, from)| (name, from, ""))
            .take(MAX_VALUES);
        let shown: Vec<_> = given.chain(others).collect();
        let keys: Vec<_> = shown.iter().map(|(name, from, _)| (name, from)).collect();
        let values = shown
            .iter()
            .map(|(name, from, to)| Translation::new(name, from, to));
        Self {
            keys: serde_json::to_string(&keys).unwrap_or_default(),
            values: values.collect(),
        }
    }
}

/// Returns a value as the library compares it: without case.
fn folded(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_lowercase())
}

/// Returns the values of a group that another value of the field could stand for.
fn untranslated(group: &ErrorGroup) -> impl Iterator<Item = (&str, &str)> {
    let name = group.field.as_deref().unwrap_or_default();
    let has_names = field(name).is_some_and(|field| !choices(field.format()).is_empty());
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
            choices: format.map(choices).unwrap_or_default(),
        }
    }
}

fn choices(format: Format) -> Vec<Choice> {
    match format {
        Format::OneOf(names) => {
            let names = names.iter();
            names.map(|name| Choice::new(name, words(name))).collect()
        }
        Format::Boolean => vec![
            Choice::new("yes", EN.common.yes),
            Choice::new("no", EN.common.no),
        ],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_mapping_is_not_shown_as_a_whole() {
        let mut options = ImportOptions::default();
        let values = (0..1_000).map(|number| (format!("word {number}"), "LOST".to_owned()));
        let values = values.collect();
        options.values.insert("client_status".to_owned(), values);
        let translations = Translations::new(&options, &[]);
        let keys: Vec<(String, String)> = serde_json::from_str(&translations.keys).unwrap();
        assert_eq!(
            (keys.len(), translations.values.len()),
            (MAX_VALUES, MAX_VALUES)
        );
    }
}
