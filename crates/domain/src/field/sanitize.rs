//! Characters that a text may contain.

use super::{InvalidValue, RawValue};
use crate::validation::error::Reason;

/// Returns the trimmed text.
///
/// # Errors
/// Rejects values that are not text, and texts with control characters or bidirectional overrides,
/// which break or hide other text.
pub(crate) fn sanitize<'r>(raw: &'r RawValue<'_>) -> Result<&'r str, InvalidValue> {
    let text = match raw {
        RawValue::Text(text) if is_plain_ascii(text) => return Ok(text),
        RawValue::Text(text) => text.trim(),
        RawValue::IllFormedText => {
            return Err(InvalidValue::new(
                Reason::IllFormedText,
                "must be well-formed Unicode, without lone surrogates",
            ));
        }
        other => return Err(InvalidValue::wrong_type("a string", other.kind())),
    };
    match text.chars().find(|c| is_forbidden(*c)) {
        None => Ok(text),
        Some(c) if c.is_control() => Err(InvalidValue::new(
            Reason::ControlCharacter,
            format!("must not contain the control character U+{:04X}", c as u32),
        )),
        Some(c) => Err(InvalidValue::new(
            Reason::BidirectionalOverride,
            format!(
                "must not contain the bidirectional override U+{:04X}",
                c as u32
            ),
        )),
    }
}

/// Returns whether a text is printable ASCII without surrounding spaces, as most texts are: it
/// needs no trimming and no decoding.
fn is_plain_ascii(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
    bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
        // Without an early exit, so that the compiler vectorizes the loop.
        && bytes.iter().fold(true, |all, byte| all & is_printable(byte))
}

/// Returns whether a character is a control character (general category Cc) or one of the two
/// bidirectional overrides of Unicode Standard Annex #9: U+202D LEFT-TO-RIGHT OVERRIDE and U+202E
/// RIGHT-TO-LEFT OVERRIDE.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202D}' | '\u{202E}')
}

/// Returns whether a character is white space, a `Default_Ignorable_Code_Point`
/// (DerivedCoreProperties.txt, Unicode 16) or the empty Braille pattern.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}
