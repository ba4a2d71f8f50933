//! Text of required fields.

use serde::Serialize;

use super::sanitize::is_invisible;
use super::{FieldValue, Format, InvalidValue, RawValue, ShortText};
use crate::validation::error::Reason;

/// A [`ShortText`] that is required and has at least one visible character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RequiredText(ShortText);

impl RequiredText {
    /// Wraps a text that is known to be valid, such as a stored one, without validation.
    pub fn from_trusted(text: impl AsRef<str>) -> Self {
        Self(ShortText::from_trusted(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FieldValue for RequiredText {
    const FORMAT: Format = <ShortText as FieldValue>::FORMAT;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = ShortText::parse(raw)?;
        if text.as_str().chars().all(is_invisible) {
            return Err(InvalidValue::new(
                Reason::Required,
                "is required and must contain a visible character",
            ));
        }
        Ok(Self(text))
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::field::FieldType;

    #[rstest]
    #[case::absent(RawValue::Absent, Reason::Required)]
    #[case::null(RawValue::Null, Reason::Required)]
    #[case::empty(RawValue::text(""), Reason::Required)]
    #[case::blank(RawValue::text(" \u{3000} "), Reason::Required)]
    #[case::zero_width(RawValue::text("\u{200B}\u{FEFF}"), Reason::Required)]
    #[case::byte_order_mark(RawValue::text("\u{FEFF} \u{FEFF}"), Reason::Required)]
    #[case::soft_hyphen(RawValue::text("\u{AD}"), Reason::Required)]
    #[case::variation_selector(RawValue::text("\u{FE0F}\u{E0100}"), Reason::Required)]
    #[case::empty_braille_pattern(RawValue::text("\u{2800}"), Reason::Required)]
    #[case::hangul_filler(RawValue::text("\u{3164}"), Reason::Required)]
    #[case::number(RawValue::Integer(4), Reason::WrongType)]
    #[case::lone_surrogate(RawValue::IllFormedText, Reason::IllFormedText)]
    fn invisible_text_is_rejected(#[case] raw: RawValue<'_>, #[case] expected: Reason) {
        let mut reason = None;
        let text = RequiredText::read(&raw, &mut |_, invalid| reason = Some(invalid.reason));
        assert_eq!((text, reason), (None, Some(expected)));
    }
}
