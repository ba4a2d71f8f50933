//! JSON strings and their escapes.

use devices_domain::RawValue;

/// A JSON string as it is written, with its quotes.
pub(super) struct JsonString<'a> {
    token: &'a str,
    has_escapes: bool,
}

impl<'a> JsonString<'a> {
    /// Scans the string at the beginning of `text`. Returns `None` if it is not well-formed.
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut end = 1 + ordinary_length(bytes.strip_prefix(b"\"")?);
        let mut has_escapes = false;
        while *bytes.get(end)? != b'"' {
            end += escape_length(&bytes[end..])?;
            end += ordinary_length(&bytes[end..]);
            has_escapes = true;
        }
        Some(Self {
            token: &text[..=end],
            has_escapes,
        })
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
        if self.has_escapes {
            self.unescape()
        } else {
            RawValue::text(self.escaped())
        }
    }

    fn unescape(&self) -> RawValue<'a> {
        // Only a lone surrogate fails here. It is an error of its field and not of the whole body.
        serde_json::from_str::<String>(self.token).map_or(RawValue::IllFormedText, RawValue::text)
    }
}

/// Returns the number of bytes before the first quote, backslash or control character.
///
/// Compares eight bytes at a time ("Determine if a word has a byte less than n", Bit Twiddling
/// Hacks). A call of `memchr` would take longer than the comparisons: most strings are short.
fn ordinary_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH_BITS: u64 = ONES << 7;
    /// Sets the high bit of the first byte that is less than `n`, and perhaps of later bytes.
    fn bytes_less_than(word: u64, n: u8) -> u64 {
        word.wrapping_sub(ONES * u64::from(n)) & !word & HIGH_BITS
    }
    let mut length = 0;
    while let Some(chunk) = bytes[length..].first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let found = bytes_less_than(word, b' ')
            | bytes_less_than(word ^ (ONES * u64::from(b'"')), 1)
            | bytes_less_than(word ^ (ONES * u64::from(b'\\')), 1);
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += chunk.len();
    }
    let is_special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    let rest = &bytes[length..];
    length + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Returns the length of the escape sequence at the beginning of `bytes`. `None` if there is none:
/// a control character must be escaped.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [
            b'\\',
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
            ..,
        ] => Some(2),
        [b'\\', b'u', digits @ ..] => {
            let digits = digits.first_chunk::<4>()?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(6)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn string_without_escapes_is_borrowed() {
        let string = JsonString::scan(r#""Dell", "HP""#).unwrap();
        assert!(matches!(
            string.value(),
            RawValue::Text(Cow::Borrowed("Dell"))
        ));
    }

    #[test]
    fn escaped_quote_does_not_end_the_string() {
        let string = JsonString::scan(r#""14\" \\" "#).unwrap();
        assert_eq!(string.value(), RawValue::text(r#"14" \"#));
    }

    #[test]
    fn lone_surrogate_is_ill_formed_text() {
        for token in [r#""\ud83d""#, r#""\ude00x""#] {
            assert_eq!(
                JsonString::scan(token).unwrap().value(),
                RawValue::IllFormedText
            );
        }
    }

    #[test]
    fn string_ends_at_its_first_special_byte() {
        let length = |byte: u8, at: usize| {
            let mut bytes = [b'~'; 30];
            bytes[at] = byte;
            // Bytes that borrow from their neighbours.
            bytes[at + 1] = b'!';
            bytes[at + 2] = 0;
            ordinary_length(&bytes)
        };
        for at in 0..28 {
            for byte in 0..=u8::MAX {
                let is_special = byte < b' ' || byte == b'"' || byte == b'\\';
                let expected = if is_special { at } else { at + 2 };
                assert_eq!(length(byte, at), expected, "{byte} at {at}");
            }
        }
    }
}
