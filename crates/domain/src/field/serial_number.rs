//! Serial numbers.

use std::borrow::Cow;

use compact_str::CompactString;
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use super::{FieldValue, Format, InvalidValue, RawValue, ValueKind, sanitize};
use crate::validation::error::{ErrorCode, Reason};

/// A serial number of a device. Stored as sent, after trimming. Compared by its NFKC form, without
/// regard to ASCII case.
///
/// After NFKC normalization it has 1 to 64 characters: ASCII letters, digits, single inner spaces
/// and `- _ . / : + #`, with at least one letter or digit. Placeholders, which firmware and
/// spreadsheets write for "none", are rejected: a few phrases, and texts of only `0`, `x`, `.`, `-`
/// and `*`, in any mixture.
#[derive(Debug, Clone)]
pub struct SerialNumber {
    text: CompactString,
    /// Folded form. `None` if it equals `text`.
    folded: Option<CompactString>,
}

impl SerialNumber {
    /// Maximum number of characters, after NFKC normalization.
    pub const MAX_LENGTH: usize = 64;

    /// Wraps a serial number that is known to be valid, such as a stored one, without validation.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self::with_folded(text.as_ref(), &fold(text.as_ref()))
    }

    fn with_folded(text: &str, folded: &str) -> Self {
        Self {
            text: CompactString::new(text),
            folded: (folded != text).then(|| CompactString::new(folded)),
        }
    }

    /// Returns the serial number as sent, trimmed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the form in which serial numbers are compared: NFKC, ASCII upper case.
    #[must_use]
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.text)
    }
}

impl PartialEq for SerialNumber {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for SerialNumber {}

impl Serialize for SerialNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Phrases that firmware and spreadsheets write for "none", in folded form.
const PLACEHOLDERS: [&str; 8] = [
    "TO BE FILLED BY O.E.M.",
    "DEFAULT STRING",
    "SYSTEM SERIAL NUMBER",
    "NOT SPECIFIED",
    "NONE",
    "N/A",
    "UNKNOWN",
    "NO ASSET INFORMATION",
];

fn is_placeholder(folded: &str) -> bool {
    PLACEHOLDERS.contains(&folded)
        || folded
            .bytes()
            .all(|b| matches!(b, b'0' | b'X' | b'.' | b'-' | b'*'))
}

/// Returns the form in which serial numbers are compared: NFKC, ASCII upper case. `text` must be
/// trimmed.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|b| b.is_ascii_lowercase()) {
            text.to_ascii_uppercase().into()
        } else {
            text.into()
        };
    }
    let normalized: String = text.nfkc().collect();
    // Trims again: normalization turns some characters into a space and a combining mark.
    normalized.trim().to_ascii_uppercase().into()
}

impl FieldValue for SerialNumber {
    const FORMAT: Format = Format::SerialNumber;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let invalid = |reason, detail: Cow<'static, str>| InvalidValue {
            code: ErrorCode::InvalidSerialNumber,
            reason,
            detail,
        };
        let text = sanitize(raw).map_err(|error| match raw.kind() {
            ValueKind::Text => invalid(error.reason, error.detail),
            _ => error,
        })?;
        let folded = fold(text);
        if is_placeholder(&folded) {
            let detail = if folded.is_empty() {
                "must not be empty"
            } else {
                "must be the device's own number, not a placeholder for \"none\""
            };
            return Err(invalid(Reason::Placeholder, detail.into()));
        }
        if folded.chars().count() > Self::MAX_LENGTH {
            return Err(invalid(
                Reason::TooLong,
                format!("must have at most {} characters", Self::MAX_LENGTH).into(),
            ));
        }
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b" -_./:+#".contains(&b);
        if !folded.bytes().all(is_allowed) {
            return Err(invalid(
                Reason::Malformed,
                "must consist of ASCII letters, digits, single spaces and - _ . / : + #".into(),
            ));
        }
        if folded.contains("  ") {
            return Err(invalid(
                Reason::Malformed,
                "must not contain two consecutive spaces".into(),
            ));
        }
        if !folded.bytes().any(|b| b.is_ascii_alphanumeric()) {
            return Err(invalid(
                Reason::Malformed,
                "must contain at least one letter or digit".into(),
            ));
        }
        Ok(Self::with_folded(text, &folded))
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parse(text: &str) -> Result<SerialNumber, InvalidValue> {
        SerialNumber::parse(&RawValue::text(text))
    }

    #[rstest]
    #[case::plain("C02XL0GSJGH5", "C02XL0GSJGH5", "C02XL0GSJGH5")]
    #[case::lower_case("c02xl0gsjgh5", "c02xl0gsjgh5", "C02XL0GSJGH5")]
    #[case::trimmed("  SN 12-3_4./:+# ", "SN 12-3_4./:+#", "SN 12-3_4./:+#")]
    #[case::full_width("ＡＢ１２", "ＡＢ１２", "AB12")]
    #[case::no_break_space("AB\u{A0}12", "AB\u{A0}12", "AB 12")]
    #[case::ideographic_space_outside("\u{3000}AB12", "AB12", "AB12")]
    #[case::kelvin_sign("\u{212A}1", "\u{212A}1", "K1")]
    #[case::one_digit("7", "7", "7")]
    fn serial_number_is_stored_as_sent_and_folded(
        #[case] sent: &str,
        #[case] stored: &str,
        #[case] folded: &str,
    ) {
        let serial = parse(sent).unwrap();
        assert_eq!((serial.as_str(), serial.folded()), (stored, folded));
    }

    #[rstest]
    #[case("To be filled by O.E.M.")]
    #[case("DEFAULT STRING")]
    #[case("system serial number")]
    #[case("Not Specified")]
    #[case("none")]
    #[case("N/A")]
    #[case("ｎ/ａ")]
    #[case("Unknown")]
    #[case("No Asset Information")]
    #[case("0")]
    #[case("00000000")]
    #[case("xxxx")]
    #[case("....")]
    #[case("-")]
    #[case("*****")]
    fn placeholder_is_rejected(#[case] sent: &str) {
        let error = parse(sent).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(error.reason, Reason::Placeholder);
    }

    #[test]
    fn blank_serial_number_is_called_empty() {
        for sent in ["", " ", "\u{3000}"] {
            assert_eq!(parse(sent).unwrap_err().detail, "must not be empty");
        }
    }

    #[rstest]
    #[case::too_long(&"A".repeat(65), Reason::TooLong)]
    #[case::other_letters("СН-12", Reason::Malformed)]
    #[case::two_spaces("AB  12", Reason::Malformed)]
    #[case::star("AB*12", Reason::Malformed)]
    #[case::zero_width("AB\u{200B}12", Reason::Malformed)]
    #[case::punctuation_only("#/#", Reason::Malformed)]
    #[case::control("AB\u{1}12", Reason::ControlCharacter)]
    #[case::nul("AB\0", Reason::ControlCharacter)]
    fn malformed_serial_number_is_rejected(#[case] sent: &str, #[case] reason: Reason) {
        let error = parse(sent).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(error.reason, reason);
    }

    #[test]
    fn serial_number_of_64_characters_is_accepted() {
        assert!(parse(&"A".repeat(64)).is_ok());
    }

    #[test]
    fn number_instead_of_text_is_an_invalid_field() {
        let error = SerialNumber::parse(&RawValue::Integer(5)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidField);
        assert_eq!(error.reason, Reason::WrongType);
    }
}
