//! Labels of fields, derived from their names.

use devices_domain::{Field, Format, enrollment_fields, field, user_fields};

use crate::texts::EN;

/// Returns the label of a field.
pub(crate) fn label(field: &Field) -> String {
    label_of_name(field.name(), field.format() == Format::Boolean)
}

/// Returns the label of a field of a device with this name, or the words of another name.
pub(crate) fn label_of_device_field(name: &str) -> String {
    field(name).map_or_else(|| words(name), label)
}

/// Returns the label of a field of a device, a user or an enrolment with this name, or the words of
/// another name.
pub(crate) fn label_of_any_field(name: &str) -> String {
    let others = || user_fields().iter().chain(enrollment_fields());
    let field = field(name).or_else(|| others().find(|field| field.name() == name));
    field.map_or_else(|| words(name), label)
}

/// Returns the label of the field with this name: `client_warranty_endDate` is "Warranty end date",
/// and `has_webcam` is "Webcam".
fn label_of_name(name: &str, is_boolean: bool) -> String {
    let special = EN.field_labels.iter().find(|(given, _)| *given == name);
    if let Some((_, label)) = special {
        return (*label).to_owned();
    }
    let name = name.strip_prefix("client_").unwrap_or(name);
    let verb = ["is_", "has_"].iter().find(|verb| name.starts_with(**verb));
    match verb {
        Some(verb) if is_boolean => words(&name[verb.len()..]),
        _ => words(name),
    }
}

/// Returns the words of a name, such as "In maintenance" for `IN_MAINTENANCE`.
pub(crate) fn words(name: &str) -> String {
    let is_all_upper = !name.contains(|c: char| c.is_ascii_lowercase());
    let mut words = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        match c {
            '_' | '.' => words.push(' '),
            c if c.is_ascii_uppercase() && !is_all_upper && !words.is_empty() => {
                words.push(' ');
                words.push(c.to_ascii_lowercase());
            }
            c if words.is_empty() => words.push(c.to_ascii_uppercase()),
            c => words.push(c.to_ascii_lowercase()),
        }
    }
    // The texts of the console are British English, machine names are American.
    words.replace("nrollment", "nrolment")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("client_warranty_endDate", "Warranty end date")]
    #[case("has_webcam", "Webcam")]
    #[case("user_id", "Assignee")]
    #[case("tags", "Tags")]
    fn label_is_derived_from_the_name(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(field(name).map(label).as_deref(), Some(expected));
    }

    #[test]
    fn fields_of_all_objects_have_labels() {
        for (name, expected) in [
            ("has_webcam", "Webcam"),
            ("arrival_date", "Arrival date"),
            ("is_encrypted", "Encrypted"),
            ("scope", "Scope"),
        ] {
            assert_eq!(label_of_any_field(name), expected);
        }
    }

    #[test]
    fn names_of_enums_are_words() {
        assert_eq!(words("IN_MAINTENANCE"), "In maintenance");
        assert_eq!(words("device.created"), "Device created");
    }
}
