//! JSON in one pass, without a tree of values. Strings are borrowed from the body where possible.
//!
//! `serde_json` checks the syntax of the whole body first. The reader can then assume well-formed
//! JSON (ADR 18).

mod number;
mod reader;
mod string;

use devices_domain::{ErrorCode, FieldError, Reason};
use serde::de::IgnoredAny;

pub(crate) use reader::JsonReader;

/// Checks that the body is JSON, and returns a reader at its beginning.
///
/// # Errors
/// If the body is not UTF-8 or not JSON. `expected` describes the body to send, e.g. "a JSON
/// object".
pub(crate) fn parse<'a>(body: &'a [u8], expected: &str) -> Result<JsonReader<'a>, FieldError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!(
            "is not UTF-8: invalid byte at offset {}",
            error.valid_up_to()
        );
        FieldError::whole(ErrorCode::InvalidBody, Reason::NotUtf8, detail)
    })?;
    // RFC 8259, 8.1, allows ignoring a byte order mark. Windows tools write one.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(JsonReader::new(text)),
        Err(error) => {
            let detail = if text.trim_ascii().is_empty() {
                format!("is empty; it must be {expected}")
            } else {
                format!("is not JSON: {error}")
            };
            Err(FieldError::whole(
                ErrorCode::InvalidBody,
                Reason::NotJson,
                detail,
            ))
        }
    }
}
