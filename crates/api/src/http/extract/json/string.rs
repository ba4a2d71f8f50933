//! JSON strings and their escapes.

use devices_domain::RawValue;
use memchr::memchr2;

/// A JSON string as it is written, with its quotes.
pub(super) struct JsonString<'a> {
    token: &'a str,
    has_escapes: bool,
}

impl<'a> JsonString<'a> {
    /// Scans the string at the beginning of `text`, which must be well-formed JSON.
    pub(super) fn scan(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let (mut end, mut has_escapes) = (1, false);
        while let Some(position) = memchr2(b'"', b'\\', &bytes[end..]) {
            end += position + 1;
            if bytes[end - 1] == b'"' {
                break;
            }
            has_escapes = true;
            // Skips the escaped character, which may be a quote.
            end += 1;
        }
        Self {
            token: &text[..end],
            has_escapes,
        }
    }

    /// Returns the length of the token in bytes.
    pub(super) fn len(&self) -> usize {
        self.token.len()
    }

    /// Returns the text between the quotes, with its escapes.
    pub(super) fn escaped(&self) -> &'a str {
        &self.token[1..self.token.len() - 1]
    }

    /// Returns the value. It is borrowed from the body unless it has escapes.
    pub(super) fn value(&self) -> RawValue<'a> {
        if !self.has_escapes {
            return RawValue::text(self.escaped());
        }
        // In well-formed JSON, only a lone surrogate fails here. It is an error of its field and
        // not of the whole body.
        serde_json::from_str::<String>(self.token).map_or(RawValue::IllFormedText, RawValue::text)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn string_without_escapes_is_borrowed() {
        let string = JsonString::scan(r#""Dell", "HP""#);
        assert!(matches!(
            string.value(),
            RawValue::Text(Cow::Borrowed("Dell"))
        ));
    }

    #[test]
    fn escaped_quote_does_not_end_the_string() {
        let string = JsonString::scan(r#""14\" \\" "#);
        assert_eq!(string.value(), RawValue::text(r#"14" \"#));
    }

    #[test]
    fn lone_surrogate_is_ill_formed_text() {
        for token in [r#""\ud83d""#, r#""\ude00x""#] {
            assert_eq!(JsonString::scan(token).value(), RawValue::IllFormedText);
        }
    }
}
