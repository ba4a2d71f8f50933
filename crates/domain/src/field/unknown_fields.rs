//! Names that are not fields, and the search for the name that was probably meant.

use super::{Field, FieldTable};
use crate::validation::error::{ErrorCode, FieldError, Reason, Related};

/// Handling of unknown fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownFields {
    /// An unknown field is an error: dropping it silently would lose data.
    #[default]
    Reject,
    /// Unknown fields are ignored, because the client asked for it.
    Ignore,
}

/// Maximum length of an unknown name in a message, in bytes. The longest name of a field has 33.
const MAX_NAME_BYTES: usize = 255;

impl FieldError {
    /// Creates the error about a name that does not exist: "unknown field `colour`, did you mean
    /// `color`?".
    ///
    /// `kind` is what the name should be, such as "field" or "query parameter". An error about a
    /// name of more than 255 bytes does not repeat the name: its `field` is `None`.
    #[must_use]
    pub fn unknown_name(
        kind: &str,
        name: &str,
        code: ErrorCode,
        suggestion: Option<&'static str>,
    ) -> Self {
        let length = name.len();
        if length > MAX_NAME_BYTES {
            let detail = format!("unknown {kind} with a name of {length} bytes");
            return Self::whole(code, Reason::UnknownField, detail);
        }
        let unknown = format!("unknown {kind} {}", quote(name));
        let error = |detail| Self::new(name.to_owned(), code, Reason::UnknownField, detail);
        match suggestion {
            Some(suggestion) => error(format!("{unknown}, did you mean `{suggestion}`?"))
                .with(Related::DidYouMean(suggestion)),
            None => error(unknown),
        }
    }

    /// Returns whether [`detail`](Self::detail) is a complete sentence that names the field, rather
    /// than a predicate whose subject is the field. Only errors about unknown names are.
    #[must_use]
    pub fn is_sentence(&self) -> bool {
        self.reason == Reason::UnknownField
    }
}

/// Quotes a name: with backticks if it is a plain identifier, and escaped otherwise, since it may
/// be empty, invisible or misleading.
fn quote(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_plain) {
        format!("`{name}`")
    } else {
        format!("{name:?}")
    }
}

pub(super) fn unknown_field(name: &str, table: &FieldTable) -> FieldError {
    let names: Vec<_> = table.fields.iter().map(Field::name).collect();
    let suggestion = nearest_name(name, &names);
    FieldError::unknown_name("field", name, ErrorCode::InvalidField, suggestion)
}

pub(super) fn repeated_field(name: &str) -> FieldError {
    FieldError::new(
        name.to_owned(),
        ErrorCode::InvalidField,
        Reason::RepeatedField,
        "is given twice",
    )
}

/// Creates the error about a name that is ignored, but sent twice: two values of one name
/// contradict each other.
pub(super) fn repeated_unknown_field(name: &str) -> FieldError {
    let length = name.len();
    if length > MAX_NAME_BYTES {
        return FieldError::whole(
            ErrorCode::InvalidField,
            Reason::RepeatedField,
            format!("must not contain a field twice; its name has {length} bytes"),
        );
    }
    repeated_field(name)
}

/// Returns the name that was probably meant: the one that differs only in case and separators, or
/// in about one letter of four, or the only one that contains the sent name or is contained in it.
#[must_use]
pub fn nearest_name(sent: &str, names: &[&'static str]) -> Option<&'static str> {
    /// Maximum length of the sent name, in bytes: bounds the time of the comparison.
    const MAX_LENGTH: usize = 40;
    if sent.len() > MAX_LENGTH {
        return None;
    }
    let normalize = |name: &str| -> String {
        name.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let sent = normalize(sent);
    let candidates = || names.iter().map(|name| (*name, normalize(name)));

    let max_distance = (sent.len().max(4) / 4).min(sent.len().saturating_sub(1));
    let nearest = candidates()
        // The distance is never less than the difference of the lengths.
        .filter(|(_, candidate)| candidate.len().abs_diff(sent.len()) <= max_distance)
        .map(|(name, candidate)| (name, strsim::damerau_levenshtein(&sent, &candidate)))
        .min_by_key(|(_, distance)| *distance);
    if let Some((name, distance)) = nearest
        && distance <= max_distance
    {
        return Some(name);
    }
    let mut overlapping = candidates().filter(|(_, candidate)| {
        sent.len() >= 4 && (candidate.contains(&sent) || sent.contains(candidate))
    });
    match (overlapping.next(), overlapping.next()) {
        (Some((name, _)), None) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::device::fields;

    #[rstest]
    #[case("client_warranty_end_date", Some("client_warranty_endDate"))]
    #[case("clientWarrantyEndDate", Some("client_warranty_endDate"))]
    #[case("Name", Some("name"))]
    #[case("serial", Some("serial_number"))]
    #[case("serialnumber", Some("serial_number"))]
    #[case("colour", Some("color"))]
    #[case("keyboard", Some("keyboard_layout"))]
    #[case("warranty_end_date", Some("client_warranty_endDate"))]
    #[case("price", None)]
    #[case("x", None)]
    #[case("", None)]
    #[case("mac_address", None)]
    fn nearest_name_is_suggested(#[case] sent: &str, #[case] expected: Option<&'static str>) {
        let names: Vec<_> = fields().iter().map(Field::name).collect();
        assert_eq!(nearest_name(sent, &names), expected);
    }

    #[rstest]
    #[case("x", None, "unknown field `x`")]
    #[case(
        "colour",
        Some("color"),
        "unknown field `colour`, did you mean `color`?"
    )]
    #[case("", None, r#"unknown field """#)]
    #[case("a\u{202E}b", None, r#"unknown field "a\u{202e}b""#)]
    #[case(&"x".repeat(300), None, "unknown field with a name of 300 bytes")]
    fn unknown_field_is_rendered_as_sentence(
        #[case] name: &str,
        #[case] suggestion: Option<&'static str>,
        #[case] expected: &str,
    ) {
        let error = FieldError::unknown_name("field", name, ErrorCode::InvalidField, suggestion);
        assert!(error.is_sentence());
        assert_eq!(error.to_string(), expected);
    }
}
