//! Serial numbers.

use serde::Serialize;

use super::identifier::Identifier;
use super::placeholder::is_placeholder;
use super::{FieldValue, Format, InvalidValue, RawValue};
use crate::validation::error::{ErrorCode, Reason};

/// A serial number of a device. Stored as sent, after trimming. Compared by its NFKC form, without
/// regard to ASCII case, and with each run of spaces as one space.
///
/// Has 1 to 64 characters, both as sent and after NFKC normalization. After it, all characters are
/// printable ASCII, and at least one is a letter or digit. Placeholders, which firmware, agents and
/// spreadsheets write for "none", are rejected: phrases such as `To be filled by O.E.M.`, error
/// values such as `#N/A`, and patterns such as `00000000` and `123456789`. So are numbers that a
/// spreadsheet shortened, such as `8.96529E+19`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SerialNumber(Identifier);

impl SerialNumber {
    /// Maximum number of characters, as sent and after NFKC normalization.
    pub const MAX_LENGTH: usize = Identifier::MAX_LENGTH;

    /// Wraps a serial number that is known to be valid, such as a stored one, without validation.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self(Identifier::from_trusted(text.as_ref()))
    }

    /// Returns the serial number as sent, trimmed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the form in which serial numbers are compared: NFKC, ASCII upper case, and each run
    /// of spaces as one space.
    #[must_use]
    pub fn folded(&self) -> &str {
        self.0.folded()
    }
}

impl FieldValue for SerialNumber {
    const FORMAT: Format = Format::SerialNumber;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let reject_placeholder = |folded: &str| {
            is_placeholder(folded).then(|| {
                InvalidValue::new(
                    Reason::Placeholder,
                    "must be the device's own number, not a placeholder for \"none\": \
                     omit the field if the device has no serial number",
                )
            })
        };
        Identifier::parse(raw, ErrorCode::InvalidSerialNumber, reject_placeholder).map(Self)
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
    #[case::parentheses("6067E77 (03.01)", "6067E77 (03.01)", "6067E77 (03.01)")]
    #[case::dollars("$$T02XB1K9", "$$T02XB1K9", "$$T02XB1K9")]
    #[case::all_punctuation(
        r##"a!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##,
        r##"a!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##,
        r##"A!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##
    )]
    #[case::two_spaces(" BZ  7e59aa", "BZ  7e59aa", "BZ 7E59AA")]
    #[case::many_spaces("BZ \u{3000}\u{A0} 7e59aa", "BZ \u{3000}\u{A0} 7e59aa", "BZ 7E59AA")]
    #[case::byte_order_mark("\u{FEFF}AB12\u{FEFF} ", "AB12", "AB12")]
    #[case::full_width("ＡＢ１２", "ＡＢ１２", "AB12")]
    #[case::no_break_space("AB\u{A0}12", "AB\u{A0}12", "AB 12")]
    #[case::ideographic_space_outside("\u{3000}AB12", "AB12", "AB12")]
    #[case::kelvin_sign("\u{212A}1", "\u{212A}1", "K1")]
    #[case::one_digit("7", "7", "7")]
    #[case::exponent_without_sign("12E45678", "12E45678", "12E45678")]
    #[case::short_exponent("1E10", "1E10", "1E10")]
    #[case::plus_after_e("AE+11", "AE+11", "AE+11")]
    #[case::long_exponent("1E+1234", "1E+1234", "1E+1234")]
    fn serial_number_is_stored_as_sent_and_folded(
        #[case] sent: &str,
        #[case] stored: &str,
        #[case] folded: &str,
    ) {
        let serial = parse(sent).unwrap();
        assert_eq!((serial.as_str(), serial.folded()), (stored, folded));
    }

    #[rstest]
    #[case::phrase("To be filled by O.E.M.")]
    #[case::minus_one(" -1 ")]
    #[case::error_in_another_language("#¡VALOR!")]
    #[case::without_letter_or_digit("....")]
    fn placeholder_is_rejected(#[case] sent: &str) {
        let error = parse(sent).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(error.reason, Reason::Placeholder);
        assert!(error.detail.contains("omit the field"));
    }

    #[rstest]
    #[case("8.96529E+19")]
    #[case("8,96529E+19")]
    #[case("8.96529e+19")]
    #[case("1E+11")]
    #[case("1.E+11")]
    #[case("1.23E+011")]
    fn number_shortened_by_spreadsheet_is_rejected(#[case] sent: &str) {
        let error = parse(sent).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(error.reason, Reason::SpreadsheetNumber);
    }

    #[test]
    fn blank_serial_number_is_called_empty() {
        for sent in ["", " ", "\u{3000}", "\u{FEFF}"] {
            assert_eq!(parse(sent).unwrap_err().detail, "must not be empty");
        }
    }

    #[rstest]
    #[case::too_long(&"A".repeat(65), Reason::TooLong)]
    #[case::too_long_in_spaces(&format!("A{}B", " ".repeat(63)), Reason::TooLong)]
    #[case::too_long_folded(&"\u{FB03}".repeat(22), Reason::TooLong)]
    #[case::other_letters("СН-12", Reason::Malformed)]
    #[case::accent("É12", Reason::Malformed)]
    #[case::spacing_accent("A´1", Reason::Malformed)]
    #[case::zero_width("AB\u{200B}12", Reason::Malformed)]
    #[case::punctuation_only("#/#", Reason::Malformed)]
    #[case::control("AB\u{1}12", Reason::ControlCharacter)]
    #[case::line_break("AB\n12", Reason::ControlCharacter)]
    #[case::nul("AB\0", Reason::ControlCharacter)]
    #[case::bidirectional_override("AB\u{202E}12", Reason::BidirectionalOverride)]
    fn malformed_serial_number_is_rejected(#[case] sent: &str, #[case] reason: Reason) {
        let error = parse(sent).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(error.reason, reason);
    }

    #[rstest]
    #[case::zero_width(
        "AB\u{200B}12",
        "must not contain the character U+200B, which is invisible"
    )]
    #[case::dash("AB\u{2011}12", "must not contain the character U+2011, a dash")]
    #[case::cyrillic("С1", "must not contain the character U+0421, only printable ASCII")]
    #[case::combining_accent("E\u{301}1", "must not contain the character U+0301")]
    #[case::nel("A\u{85}1", "must not contain the control character U+0085")]
    fn disallowed_character_is_named(#[case] sent: &str, #[case] message: &str) {
        let detail = parse(sent).unwrap_err().detail;
        assert!(detail.starts_with(message), "{detail}");
    }

    #[test]
    fn length_is_limited_as_sent_and_folded() {
        assert!(parse(&"AB".repeat(32)).is_ok());
        assert!(parse(&"ＡＢ".repeat(32)).is_ok());
        assert!(parse(&format!("A{}B", " ".repeat(62))).is_ok());
        // 18 characters each after NFKC normalization, which must not be computed for this text.
        let expanding = "\u{FDFA}".repeat(4 * 1024 * 1024 / 3);
        assert_eq!(parse(&expanding).unwrap_err().reason, Reason::TooLong);
    }

    #[test]
    fn lone_surrogate_is_an_invalid_serial_number() {
        let error = SerialNumber::parse(&RawValue::IllFormedText).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(error.reason, Reason::IllFormedText);
    }

    #[test]
    fn number_instead_of_text_is_an_invalid_field() {
        let error = SerialNumber::parse(&RawValue::Integer(5)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidField);
        assert_eq!(error.reason, Reason::WrongType);
    }
}
