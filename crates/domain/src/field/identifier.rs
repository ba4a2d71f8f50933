//! Identifiers of devices: the rules that serial numbers and asset tags share.

use std::borrow::Cow;

use compact_str::CompactString;
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use super::sanitize::{char_name, is_digits, is_invisible};
use super::{InvalidValue, RawValue, ValueKind, sanitize};
use crate::validation::error::{ErrorCode, Reason};

/// Maximum length of a character in UTF-8.
const MAX_UTF8_BYTES: usize = 4;

/// A text that identifies a device. Stored as sent, after trimming. Compared by its folded form:
/// see [`fold_identifier`].
///
/// Has 1 to 64 characters, both as sent and folded. The folded form is printable ASCII with at
/// least one letter or digit.
#[derive(Debug, Clone)]
pub(super) struct Identifier {
    text: CompactString,
    /// Folded form. `None` if it equals `text`.
    folded: Option<CompactString>,
}

impl Identifier {
    /// Maximum number of characters, as sent and folded.
    pub(super) const MAX_LENGTH: usize = 64;

    /// Wraps an identifier that is known to be valid, such as a stored one, without validation.
    pub(super) fn from_trusted(text: &str) -> Self {
        Self::with_folded(text, &fold_identifier(text))
    }

    fn with_folded(text: &str, folded: &str) -> Self {
        Self {
            text: CompactString::new(text),
            folded: (folded != text).then(|| CompactString::new(folded)),
        }
    }

    /// Returns whether a text has too many characters. The length in bytes comes first, because it
    /// needs no scan of a text of several MiB.
    pub(super) fn is_too_long(text: &str) -> bool {
        text.len() > Self::MAX_LENGTH
            && (text.len() > Self::MAX_LENGTH * MAX_UTF8_BYTES
                || text.chars().count() > Self::MAX_LENGTH)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.text)
    }

    /// Parses an identifier. `reject_folded` returns the error of a folded form that identifies no
    /// device. Its errors precede those about the characters.
    ///
    /// # Errors
    /// Errors about the text have the error code `code`. A value that is not text has
    /// [`ErrorCode::InvalidField`].
    pub(super) fn parse(
        raw: &RawValue<'_>,
        code: ErrorCode,
        reject_folded: impl FnOnce(&str) -> Option<InvalidValue>,
    ) -> Result<Self, InvalidValue> {
        Self::parse_text(raw, reject_folded).map_err(|invalid| match raw.kind() {
            ValueKind::Text => InvalidValue { code, ..invalid },
            _ => invalid,
        })
    }

    fn parse_text(
        raw: &RawValue<'_>,
        reject_folded: impl FnOnce(&str) -> Option<InvalidValue>,
    ) -> Result<Self, InvalidValue> {
        let text = sanitize(raw)?;
        // Before the text is folded: NFKC turns U+FDFA into 18 characters.
        if Self::is_too_long(text) {
            return Err(too_long("must have at most"));
        }
        let folded = fold_identifier(text);
        if folded.is_empty() {
            return Err(InvalidValue::new(Reason::Required, "must not be empty"));
        }
        if is_shortened_number(&folded) {
            return Err(InvalidValue::new(
                Reason::SpreadsheetNumber,
                "was shortened by a spreadsheet, which lost its digits: \
                 format the column as text and enter the original again",
            ));
        }
        if let Some(invalid) = reject_folded(&folded) {
            return Err(invalid);
        }
        if let Some(character) = text.chars().find(|c| !folds_to_ascii(*c)) {
            return Err(disallowed_character(character));
        }
        if Self::is_too_long(&folded) {
            return Err(too_long(
                "must, with ligatures and other compatibility characters written out, have at most",
            ));
        }
        if !folded.bytes().any(|b| b.is_ascii_alphanumeric()) {
            return Err(InvalidValue::new(
                Reason::Malformed,
                "must contain at least one letter or digit",
            ));
        }
        Ok(Self::with_folded(text, &folded))
    }
}

impl PartialEq for Identifier {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Identifier {}

impl Serialize for Identifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Returns the form in which identifiers are compared: NFKC, ASCII upper case, and each run of
/// spaces as one space. `text` must be trimmed.
///
/// Philips writes two spaces into its serial numbers (`BZ  000123`), which forms and web pages
/// display as one.
pub(crate) fn fold_identifier(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let has_two_spaces = text.as_bytes().windows(2).any(|pair| pair == b"  ");
        let is_folded = !has_two_spaces && !text.bytes().any(|b| b.is_ascii_lowercase());
        return if is_folded {
            text.into()
        } else {
            fold_spaces_and_case(text).into()
        };
    }
    let normalized: String = text.nfkc().collect();
    // Trims again: normalization turns some characters into a space and a combining mark.
    fold_spaces_and_case(normalized.trim()).into()
}

fn fold_spaces_and_case(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        if character != ' ' || !folded.ends_with(' ') {
            folded.push(character.to_ascii_uppercase());
        }
    }
    folded
}

fn too_long(predicate: &str) -> InvalidValue {
    let max = Identifier::MAX_LENGTH;
    InvalidValue::new(Reason::TooLong, format!("{predicate} {max} characters"))
}

/// Returns whether the NFKC form of a character is printable ASCII.
fn folds_to_ascii(character: char) -> bool {
    let is_printable = |c: char| matches!(c, ' '..='~');
    is_printable(character) || std::iter::once(character).nfkc().all(is_printable)
}

fn disallowed_character(character: char) -> InvalidValue {
    let name = char_name(character);
    let advice = if is_invisible(character) {
        "which is invisible: remove it"
    } else if is_dash(character) {
        "a dash: use the hyphen-minus \"-\" instead"
    } else {
        "only printable ASCII characters"
    };
    InvalidValue::new(
        Reason::Malformed,
        format!("must not contain the character {name}, {advice}"),
    )
}

/// Returns whether a character is one of the dashes (general category Pd) or minus signs that word
/// processors and web pages put in the place of a hyphen.
fn is_dash(c: char) -> bool {
    matches!(
        c,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{058A}' | '\u{30A0}' | '\u{FE58}'
    )
}

/// Returns whether a spreadsheet displayed a long number in scientific notation, such as
/// `8.96529E+19`, `8,96529E+19` or `1E+11`.
///
/// Requires the plus sign, which spreadsheets always write: `1E10` and `12E45678` are serial
/// numbers.
fn is_shortened_number(folded: &str) -> bool {
    folded.split_once('+').is_some_and(|(mantissa, exponent)| {
        let Some(mantissa) = mantissa.strip_suffix('E') else {
            return false;
        };
        let (integer, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
        is_digits(integer)
            && fraction.bytes().all(|b| b.is_ascii_digit())
            && is_digits(exponent)
            && exponent.len() <= 3
    })
}
