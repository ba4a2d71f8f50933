//! Messages about files, in the words of the pages.

use devices_domain::Reason;
use devices_import::{Column, ImportError, MatchedBy};

use crate::fields::label_of_device_field;
use crate::texts::{self, EN};

/// Returns a message about a file as a sentence. Names of fields are their labels.
pub(super) fn sentence(message: &str) -> String {
    let mut message = without_option(message).to_owned();
    for (phrase, replacement) in EN.import_phrases {
        message = message.replace(phrase, replacement);
    }
    let mut text = with_labels(&message);
    if let Some(first) = text.chars().next() {
        text.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    text
}

/// Returns what is wrong with a cell, without the column and the field that the page shows beside
/// it.
pub(super) fn problem(message: &str, column: Option<&Column>) -> String {
    let Some(column) = column else {
        return sentence(message);
    };
    let field = column.field.as_deref().unwrap_or_default();
    let subjects = [
        format!("{} (`{field}`) ", column.name),
        format!("`{field}` "),
    ];
    let mut details = subjects
        .iter()
        .map(|subject| message.strip_prefix(subject.as_str()));
    sentence(details.find_map(|detail| detail).unwrap_or(message))
}

/// Returns the sentence of an error of a file or its options.
pub(super) fn of_error(error: &ImportError) -> String {
    match error {
        ImportError::File(error) => sentence(&error.message),
        ImportError::Option(error) => of_option(&error.pointer, &error.message),
        ImportError::Io(_) => EN.errors.internal.title.to_owned(),
    }
}

/// Returns the sentence of an error of the option at a JSON Pointer.
pub(super) fn of_option(pointer: &str, message: &str) -> String {
    let message = sentence(message);
    match pointer.trim_start_matches('/') {
        "" => message,
        option => {
            let option = option.replace("~1", "/").replace("~0", "~");
            format!("{message} ({option})")
        }
    }
}

/// Removes the name of the option with which the messages of the library begin.
fn without_option(message: &str) -> &str {
    let named = message.strip_prefix("option `");
    let rest = named.and_then(|named| named.split_once("`: "));
    rest.map_or(message, |(_, rest)| rest)
}

/// Replaces names in backticks by their labels, or quotes them.
fn with_labels(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut parts = message.split('`');
    text.push_str(parts.next().unwrap_or_default());
    while let (Some(name), after) = (parts.next(), parts.next()) {
        let Some(after) = after else {
            text.push('`');
            text.push_str(name);
            break;
        };
        if name.starts_with("attributes.") || devices_domain::field(name).is_none() {
            text.push('“');
            text.push_str(name);
            text.push('”');
        } else {
            text.push_str(&label_of_device_field(name));
        }
        text.push_str(after);
    }
    text
}

/// Returns how the field of a column was found.
pub(super) fn matched_by(by: Option<MatchedBy>) -> &'static str {
    let texts = &EN.import;
    match by {
        Some(MatchedBy::Given) => texts.by_given,
        Some(MatchedBy::Name) => texts.by_name,
        Some(MatchedBy::Synonym) => texts.by_synonym,
        Some(MatchedBy::Similar) => texts.by_similar,
        None => texts.by_nothing,
    }
}

/// Returns the title of a group of errors: the field, and what is wrong.
pub(super) fn group_title(field: Option<&str>, reason: Reason) -> String {
    let what = reason_text(reason);
    match field {
        Some(field) => format!("{} {what}", field_label(field)),
        None => format!("{} {what}", EN.import.row),
    }
}

/// Returns the label of a field, or of an attribute.
pub(super) fn field_label(name: &str) -> String {
    match name.strip_prefix("attributes.") {
        Some(key) => texts::fill(EN.import.attribute, &[("name", &key)]),
        None => label_of_device_field(name),
    }
}

fn reason_text(reason: Reason) -> String {
    let texts = &EN.import;
    let text = match reason {
        Reason::Required => texts.reason_required,
        Reason::Duplicate => texts.reason_duplicate,
        Reason::AlreadyExists => texts.reason_already_exists,
        Reason::UnknownUser => texts.reason_unknown_user,
        Reason::NotInEnum => texts.reason_not_in_enum,
        Reason::Malformed | Reason::WrongType => texts.reason_malformed,
        Reason::SpreadsheetNumber => texts.reason_spreadsheet_number,
        Reason::Placeholder => texts.reason_placeholder,
        Reason::TooLong => texts.reason_too_long,
        Reason::ControlCharacter => texts.reason_control_character,
        Reason::EndsBeforeStart => texts.reason_ends_before_start,
        Reason::NoMatchKey => texts.reason_no_match_key,
        other => return other.as_str().replace('_', " "),
    };
    text.to_owned()
}

/// Returns what the user can do about the errors of a group. Empty if the messages say it.
pub(super) fn group_advice(reason: Reason) -> &'static str {
    let texts = &EN.import;
    match reason {
        Reason::AlreadyExists => texts.advice_already_exists,
        Reason::UnknownUser => texts.advice_unknown_user,
        Reason::NotInEnum => texts.advice_not_in_enum,
        Reason::Required => texts.advice_required,
        Reason::Duplicate => texts.advice_duplicate,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use devices_domain::BatchOptions;
    use devices_import::ImportOptions;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("column `Room` (F) is not used", "Column “Room” (F) is not used")]
    #[case(
        "Service Tag (`serial_number`) is required",
        "Service Tag (Serial number) is required"
    )]
    #[case(
        "`type` is required, but no column provides it: add it to `columns` or `defaults`",
        "Type is required, but no column provides it"
    )]
    #[case(
        "option `sheet`: the file is text: leave this option out",
        "The file is text"
    )]
    #[case(
        "its header cannot be the key of an attribute: map it to `attributes.` and a key of at \
         most 64 characters",
        "Its header cannot be the key of an attribute: shorten it to 64 characters to keep it"
    )]
    #[case("a ` alone", "A ` alone")]
    fn messages_have_the_words_of_the_page(#[case] message: &str, #[case] expected: &str) {
        assert_eq!(sentence(message), expected);
    }

    /// Returns the code in a directory, without comments and tests, and with each text in one line.
    fn code(directory: &Path) -> String {
        let mut code = String::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                code.push_str(&self::code(&path));
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for line in source.lines().map(str::trim_start) {
                if !line.starts_with("//") {
                    let (line, end) = line.strip_suffix('\\').map_or((line, "\n"), |l| (l, ""));
                    code.push_str(line);
                    code.push_str(end);
                }
            }
        }
        code
    }

    #[test]
    fn phrases_are_those_of_the_library() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let import = code(&crates.join("import/src"));
        let domain = code(&crates.join("domain/src/field"));
        let mut worded = import.clone();
        for (index, (phrase, replacement)) in EN.import_phrases.iter().enumerate() {
            assert!(
                import.contains(phrase) || domain.contains(phrase),
                "{phrase}"
            );
            let mut others = EN.import_phrases[..index].iter();
            // The shorter one would be replaced first.
            assert!(!others.any(|(other, _)| phrase.contains(other)), "{phrase}");
            worded = worded.replace(phrase, replacement);
        }
        // Only a saved mapping shows the names of options to users.
        for option in ImportOptions::NAMES.iter().chain(&BatchOptions::NAMES) {
            let named = format!("`{option}`");
            let mut lines = worded.lines();
            assert_eq!(lines.find(|line| line.contains(&named)), None);
        }
    }

    #[test]
    fn options_of_a_saved_mapping_are_named() {
        let message = of_option("/columns/a~1b", "option `columns/a~1b`: no such column");
        assert_eq!(message, "No such column (columns/a/b)");
    }
}
