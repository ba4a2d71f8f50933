//! Characters that a text may contain.

use std::borrow::Cow;

use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

use super::{InvalidValue, RawValue};
use crate::validation::error::Reason;

/// Returns the text without white space and byte order marks around it.
///
/// # Errors
/// Rejects values that are not text, and texts with control characters, including line breaks, or
/// bidirectional overrides: both break or hide other text.
pub(crate) fn sanitize<'r>(raw: &'r RawValue<'_>) -> Result<&'r str, InvalidValue> {
    let text = trimmed_text(raw)?;
    if !is_printable_ascii(text) {
        reject_forbidden(text, is_forbidden)?;
    }
    Ok(text)
}

/// Returns a text of several lines, as [`sanitize`] does, but with line breaks and tabs. All line
/// breaks become LF.
///
/// # Errors
/// Rejects what [`sanitize`] rejects, except LF, CR and TAB.
pub(super) fn sanitize_lines<'r>(raw: &'r RawValue<'_>) -> Result<Cow<'r, str>, InvalidValue> {
    let text = trimmed_text(raw)?;
    if is_printable_ascii(text) {
        return Ok(text.into());
    }
    reject_forbidden(text, |c| {
        is_forbidden(c) && !matches!(c, '\n' | '\r' | '\t')
    })?;
    if text.contains('\r') {
        Ok(text.replace("\r\n", "\n").replace('\r', "\n").into())
    } else {
        Ok(text.into())
    }
}

/// Returns the text without white space and byte order marks (U+FEFF) at either end, as validation
/// does. Spreadsheets and editors on Windows write a byte order mark at the start of a file, and so
/// into its first value.
#[must_use]
pub fn trim(text: &str) -> &str {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| (b'!'..=b'~').contains(byte));
    let bytes = text.as_bytes();
    if is_edge(bytes.first()) && is_edge(bytes.last()) {
        return text;
    }
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}')
}

fn trimmed_text<'r>(raw: &'r RawValue<'_>) -> Result<&'r str, InvalidValue> {
    match raw {
        RawValue::Text(text) => Ok(trim(text)),
        RawValue::IllFormedText => Err(InvalidValue::new(
            Reason::IllFormedText,
            "must be well-formed Unicode, without lone surrogates",
        )),
        other => Err(InvalidValue::wrong_type("a string", other)),
    }
}

/// Returns whether a text is printable ASCII, as most texts are: it needs no decoding.
fn is_printable_ascii(text: &str) -> bool {
    let is_printable = |byte: &u8| (b' '..=b'~').contains(byte);
    // Without an early exit, so that the compiler vectorizes the loop.
    let bytes = text.as_bytes();
    bytes
        .iter()
        .fold(true, |all, byte| all & is_printable(byte))
}

/// Returns whether a character is a control character (general category Cc) or one of the two
/// bidirectional overrides of Unicode Standard Annex #9: U+202D LEFT-TO-RIGHT OVERRIDE and U+202E
/// RIGHT-TO-LEFT OVERRIDE.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202D}' | '\u{202E}')
}

fn reject_forbidden(text: &str, is_forbidden: impl Fn(char) -> bool) -> Result<(), InvalidValue> {
    let Some(character) = text.chars().find(|c| is_forbidden(*c)) else {
        return Ok(());
    };
    let name = char_name(character);
    let (reason, kind) = if character.is_control() {
        (Reason::ControlCharacter, "control character")
    } else {
        (Reason::BidirectionalOverride, "bidirectional override")
    };
    let detail = format!("must not contain the {kind} {name}");
    Err(InvalidValue::new(reason, detail))
}

/// Returns the code point of a character, and the name of a control character that inventories
/// contain: "U+000A (line feed)".
pub(super) fn char_name(character: char) -> String {
    let name = match character {
        '\0' => " (null)",
        '\t' => " (tab)",
        '\n' => " (line feed)",
        '\u{B}' => " (vertical tab)",
        '\u{C}' => " (form feed)",
        '\r' => " (carriage return)",
        '\u{1B}' => " (escape)",
        '\u{7F}' => " (delete)",
        '\u{85}' => " (next line)",
        _ => "",
    };
    format!("U+{:04X}{name}", u32::from(character))
}

/// Returns whether a text is one or more ASCII digits.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a character is white space or [ignorable](is_ignorable).
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace() || is_ignorable(c)
}

/// Returns whether a character is invisible, but neither white space nor a control character: a
/// `Default_Ignorable_Code_Point`, such as a soft hyphen, or the empty Braille pattern.
pub(crate) fn is_ignorable(c: char) -> bool {
    const IGNORABLE: CodePointSetDataBorrowed<'static> =
        CodePointSetData::new::<DefaultIgnorableCodePoint>();
    !c.is_ascii() && (c == '\u{2800}' || IGNORABLE.contains(c))
}
