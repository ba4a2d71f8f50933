//! Text of several lines.

use serde::Serialize;

use super::sanitize::sanitize_lines;
use super::text::limit_length;
use super::{FieldValue, Format, InvalidValue, RawValue};

/// A remark of 1 to 10,000 characters in any number of lines, trimmed, without bidirectional
/// overrides and without control characters other than line breaks and tabs.
///
/// Accepts LF, CR LF and CR as line breaks, and stores them as LF. Any other Unicode is stored
/// unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Comment(String);

impl Comment {
    /// Maximum number of characters. A line break counts as one.
    pub const MAX_LENGTH: usize = 10_000;

    /// Wraps a remark that is known to be valid, such as a stored one, without validation.
    pub fn from_trusted(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the remark.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FieldValue for Comment {
    const FORMAT: Format = Format::Lines {
        max_length: Self::MAX_LENGTH,
    };

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = sanitize_lines(raw)?;
        limit_length(&text, Self::MAX_LENGTH)?;
        Ok(Self(text.into_owned()))
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::validation::error::Reason;

    fn parse(text: &str) -> Result<Comment, InvalidValue> {
        Comment::parse(&RawValue::text(text))
    }

    #[rstest]
    #[case::one_line("Lent by the museum", "Lent by the museum")]
    #[case::line_feed("a\nb\n\nc", "a\nb\n\nc")]
    #[case::windows("a\r\nb\r\n\r\nc", "a\nb\n\nc")]
    #[case::carriage_return("a\rb\r\rc", "a\nb\n\nc")]
    #[case::mixed("a\n\r\nb\r\r\nc", "a\n\nb\n\nc")]
    #[case::tab("a\tb", "a\tb")]
    #[case::trimmed("\u{FEFF}\r\n \ta\nb \r\n\u{FEFF}", "a\nb")]
    #[case::indented("a\n  b \nc", "a\n  b \nc")]
    #[case::unicode("café 🖥\n\u{200F}שלום", "café 🖥\n\u{200F}שלום")]
    fn line_breaks_are_stored_as_lf(#[case] sent: &str, #[case] stored: &str) {
        let comment = parse(sent).unwrap();
        assert_eq!(comment.as_str(), stored);
        assert_eq!(Comment::parse(&comment.to_raw()), Ok(comment));
    }

    #[rstest]
    #[case::nul("a\n\0", "must not contain the control character U+0000 (null)")]
    #[case::vertical_tab(
        "a\u{B}b",
        "must not contain the control character U+000B (vertical tab)"
    )]
    #[case::form_feed("a\u{C}b", "must not contain the control character U+000C (form feed)")]
    #[case::escape(
        "a\u{1B}[31mb",
        "must not contain the control character U+001B (escape)"
    )]
    #[case::next_line(
        "a\u{85}b",
        "must not contain the control character U+0085 (next line)"
    )]
    #[case::bell("a\u{7}b", "must not contain the control character U+0007")]
    #[case::override_("a\n\u{202E}b", "must not contain the bidirectional override U+202E")]
    fn other_control_character_is_named(#[case] sent: &str, #[case] detail: &str) {
        assert_eq!(parse(sent).unwrap_err().detail, detail);
    }

    #[test]
    fn line_break_counts_as_one_character() {
        assert!(parse(&format!("a{}b", "\r\n".repeat(9_998))).is_ok());
        let error = parse(&format!("a{}b", "\n".repeat(9_999))).unwrap_err();
        assert_eq!(error.reason, Reason::TooLong);
    }
}
