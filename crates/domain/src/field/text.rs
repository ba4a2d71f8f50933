//! Text of a limited length.

use compact_str::CompactString;
use serde::Serialize;

use super::{FieldValue, Format, InvalidValue, RawValue, sanitize};
use crate::validation::error::Reason;

/// Text of 1 to `MAX` characters in one line, trimmed, without control characters and
/// bidirectional overrides. Any other Unicode is stored unchanged.
///
/// A [`CompactString`] stores up to 24 bytes without an allocation: most texts are that short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(CompactString);

/// Text of most fields.
pub type ShortText = Text<255>;

impl<const MAX: usize> Text<MAX> {
    /// Wraps a text that is known to be valid, such as a stored one, without validation.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self(CompactString::new(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FieldValue for Text<MAX> {
    const FORMAT: Format = Format::Text { max_length: MAX };

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = sanitize(raw)?;
        limit_length(text, MAX)?;
        Ok(Self(CompactString::new(text)))
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

/// Rejects a text of more than `max` characters.
pub(super) fn limit_length(text: &str, max: usize) -> Result<(), InvalidValue> {
    // A text never has more characters than bytes, so most texts need no counting.
    if text.len() > max && text.chars().count() > max {
        let detail = format!("must have at most {max} characters");
        return Err(InvalidValue::new(Reason::TooLong, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parse(text: &str) -> Result<ShortText, Reason> {
        ShortText::parse(&RawValue::text(text)).map_err(|invalid| invalid.reason)
    }

    #[rstest]
    #[case::trimmed("  Dell Inc.\t\r\n", "Dell Inc.")]
    #[case::byte_order_mark("\u{FEFF}Dell Inc. \u{FEFF}\u{3000}", "Dell Inc.")]
    #[case::byte_order_mark_inside("a\u{FEFF}b", "a\u{FEFF}b")]
    #[case::accents("Téléphone", "Téléphone")]
    #[case::decomposed("e\u{301}", "e\u{301}")]
    #[case::emoji_sequence("👩\u{200D}💻", "👩\u{200D}💻")]
    #[case::right_to_left_mark("\u{200F}שלום", "\u{200F}שלום")]
    fn text_is_trimmed_and_otherwise_unchanged(#[case] sent: &str, #[case] stored: &str) {
        assert_eq!(parse(sent).unwrap().as_str(), stored);
    }

    #[rstest]
    #[case::nul("a\0b", Reason::ControlCharacter)]
    #[case::newline_inside("a\nb", Reason::ControlCharacter)]
    #[case::carriage_return_inside("a\rb", Reason::ControlCharacter)]
    #[case::tab_inside("a\tb", Reason::ControlCharacter)]
    #[case::c1("a\u{85}b", Reason::ControlCharacter)]
    #[case::delete("a\u{7F}b", Reason::ControlCharacter)]
    #[case::right_to_left_override("a\u{202E}b", Reason::BidirectionalOverride)]
    fn forbidden_characters_are_rejected(#[case] sent: &str, #[case] reason: Reason) {
        assert_eq!(parse(sent), Err(reason));
    }

    #[test]
    fn forbidden_character_is_named() {
        let error = ShortText::parse(&RawValue::text("a\nb")).unwrap_err();
        assert_eq!(
            error.detail,
            "must not contain the control character U+000A (line feed)"
        );
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(parse(&"é".repeat(255)).is_ok());
        assert_eq!(parse(&"é".repeat(256)), Err(Reason::TooLong));
        assert!(parse(&format!("  {}  ", "x".repeat(255))).is_ok());
    }
}
