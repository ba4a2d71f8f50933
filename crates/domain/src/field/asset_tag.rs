//! Asset tags.

use serde::Serialize;

use super::identifier::Identifier;
use super::{FieldValue, Format, InvalidValue, RawValue};
use crate::validation::error::ErrorCode;

/// The owner's own inventory number of a device. Follows the rules of a
/// [`SerialNumber`](super::SerialNumber), and is compared like one. Placeholders are accepted: the
/// owner chooses the number, so `0` and `NONE` can be numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AssetTag(Identifier);

impl AssetTag {
    /// Maximum number of characters, as sent and after NFKC normalization.
    pub const MAX_LENGTH: usize = Identifier::MAX_LENGTH;

    /// Wraps an asset tag that is known to be valid, such as a stored one, without validation.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self(Identifier::from_trusted(text.as_ref()))
    }

    /// Returns the asset tag as sent, trimmed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the form in which asset tags are compared: NFKC, ASCII upper case, and each run of
    /// spaces as one space.
    #[must_use]
    pub fn folded(&self) -> &str {
        self.0.folded()
    }
}

impl FieldValue for AssetTag {
    const FORMAT: Format = Format::AssetTag;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        Identifier::parse(raw, ErrorCode::InvalidAssetTag, |_| None).map(Self)
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::error::Reason;

    fn parse(text: &str) -> Result<AssetTag, InvalidValue> {
        AssetTag::parse(&RawValue::text(text))
    }

    #[test]
    fn asset_tag_is_stored_as_sent_and_folded() {
        let tag = parse(" it  0042/ａ ").unwrap();
        assert_eq!((tag.as_str(), tag.folded()), ("it  0042/ａ", "IT 0042/A"));
        for placeholder in ["0", "none", "N/A", "123456789", "xxxxxx"] {
            assert!(parse(placeholder).is_ok(), "{placeholder}");
        }
    }

    #[test]
    fn invalid_asset_tag_has_its_own_code() {
        for (text, reason) in [
            ("A".repeat(65), Reason::TooLong),
            ("É12".to_owned(), Reason::Malformed),
            ("#/#".to_owned(), Reason::Malformed),
            ("8.96529E+19".to_owned(), Reason::SpreadsheetNumber),
            ("a\0".to_owned(), Reason::ControlCharacter),
        ] {
            let error = parse(&text).unwrap_err();
            assert_eq!(
                (error.code, error.reason),
                (ErrorCode::InvalidAssetTag, reason)
            );
        }
        let error = AssetTag::parse(&RawValue::Integer(42)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidField);
    }
}
