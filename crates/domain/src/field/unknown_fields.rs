//! Names that are not fields.

use super::suggestion::suggest_field;
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
    let suggestion = suggest_field(name, &names);
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

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
