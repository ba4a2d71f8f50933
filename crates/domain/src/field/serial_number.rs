//! Serial numbers.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use super::text::Kept;
use super::{FieldValue, Format, InvalidValue, RawValue, ValueKind, clean};
use crate::validation::error::{ErrorCode, Reason};

/// A device's own number, kept as it came and compared without regard to case, width and
/// compatibility forms.
///
/// After NFKC normalisation it has 1 to 64 characters: ASCII letters, digits, single inner spaces
/// and `- _ . / : + #`, at least one of them a letter or digit. What firmware and spreadsheets
/// write where there is none is refused: a few phrases, and whatever consists of nothing but `0`, `x`,
/// `.`, `-` and `*`, in any mixture.
#[derive(Debug, Clone)]
pub struct SerialNumber {
    text: Kept,
    /// The form it is compared by, where that is not `text` itself.
    folded: Option<Kept>,
}

impl SerialNumber {
    /// The most characters, after NFKC normalisation.
    pub const MAX_LENGTH: usize = 64;

    /// A serial number that was judged before, such as one that was stored; not judged again.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self::folded_as(text.as_ref(), &fold(text.as_ref()))
    }

    fn folded_as(text: &str, folded: &str) -> Self {
        Self {
            text: Kept::new(text),
            folded: (folded != text).then(|| Kept::new(folded)),
        }
    }

    /// The serial number as it came, trimmed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that two equal serial numbers share: NFKC, ASCII upper case.
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

/// What firmware and spreadsheets write for "none", folded.
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

/// NFKC in ASCII upper case, trimmed again since normalisation can uncover a space.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|b| b.is_ascii_lowercase()) {
            true => text.to_ascii_uppercase().into(),
            false => text.into(),
        };
    }
    let normalised: String = text.nfkc().collect();
    normalised.trim().to_ascii_uppercase().into()
}

impl FieldValue for SerialNumber {
    const FORMAT: Format = Format::SerialNumber;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let invalid = |reason, detail: Cow<'static, str>| InvalidValue {
            code: ErrorCode::InvalidSerialNumber,
            reason,
            detail,
        };
        let text = clean(raw).map_err(|refusal| match raw.kind() {
            ValueKind::Text => invalid(refusal.reason, refusal.detail),
            _ => refusal,
        })?;
        let folded = fold(text);
        if is_placeholder(&folded) {
            return Err(invalid(
                Reason::Placeholder,
                "must be the device's own number, not a placeholder for \"none\"".into(),
            ));
        }
        if folded.chars().count() > Self::MAX_LENGTH {
            return Err(invalid(
                Reason::TooLong,
                format!("must have at most {} characters", Self::MAX_LENGTH).into(),
            ));
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b" -_./:+#".contains(&b);
        if !folded.bytes().all(allowed) {
            return Err(invalid(
                Reason::Malformed,
                "must consist of ASCII letters, digits, single spaces and - _ . / : + #".into(),
            ));
        }
        if folded.contains("  ") {
            return Err(invalid(
                Reason::Malformed,
                "must not hold two spaces in a row".into(),
            ));
        }
        if !folded.bytes().any(|b| b.is_ascii_alphanumeric()) {
            return Err(invalid(
                Reason::Malformed,
                "must hold at least one letter or digit".into(),
            ));
        }
        Ok(Self::folded_as(text, &folded))
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
    fn keeps_it_as_it_came_and_folds_it(
        #[case] sent: &str,
        #[case] kept: &str,
        #[case] folded: &str,
    ) {
        let serial = parse(sent).unwrap();
        assert_eq!((serial.as_str(), serial.folded()), (kept, folded));
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
    fn refuses_placeholders_for_none(#[case] sent: &str) {
        let refusal = parse(sent).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(refusal.reason, Reason::Placeholder);
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
    fn refuses_what_no_device_carries(#[case] sent: &str, #[case] reason: Reason) {
        let refusal = parse(sent).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidSerialNumber);
        assert_eq!(refusal.reason, reason);
    }

    #[test]
    fn sixty_four_characters_are_allowed() {
        assert!(parse(&"A".repeat(64)).is_ok());
    }

    #[test]
    fn a_number_in_place_of_text_is_a_matter_of_shape() {
        let refusal = SerialNumber::parse(&RawValue::Integer(5)).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidField);
        assert_eq!(refusal.reason, Reason::WrongType);
    }
}
