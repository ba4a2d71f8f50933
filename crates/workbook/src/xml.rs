//! Text in the XML of a workbook.

use crate::{MAX_CELL_LENGTH, column_letters};

/// Appends a text as XML. Line breaks become LF. Cuts it at the maximum length of a cell: Excel
/// repairs a file with longer ones.
pub(crate) fn push_escaped(xml: &mut String, text: &str) {
    let mut after_return = false;
    let mut length = 0;
    for (index, character) in text.char_indices() {
        length += character.len_utf16();
        if length > MAX_CELL_LENGTH {
            break;
        }
        if character == '_' && is_escape(&text.as_bytes()[index..]) {
            xml.push_str("_x005F");
        }
        let is_return = character == '\r';
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' if after_return => {}
            '\n' | '\r' => xml.push('\n'),
            '\t' => xml.push('\t'),
            // XML 1.0 has no other control characters. Delete is one that validation rejects, too.
            '\0'..' ' | '\u{FFFE}' | '\u{FFFF}' => xml.push('\u{7F}'),
            character => xml.push(character),
        }
        after_return = is_return;
    }
}

/// Returns whether a text begins like the escape of a character: `_x0041_` is read as `A`.
fn is_escape(text: &[u8]) -> bool {
    match text {
        [b'_', b'x', digits @ .., b'_'] if digits.len() == 4 => {
            digits.iter().all(u8::is_ascii_hexdigit)
        }
        [_, _, _, _, _, _, _, _, ..] => is_escape(&text[..7]),
        _ => false,
    }
}

/// Appends the reference of a cell: `A1`.
pub(crate) fn push_reference(xml: &mut String, column: usize, row: u32) {
    xml.push_str(&column_letters(column));
    xml.push_str(&row.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let escaped = |text: &str| {
            let mut xml = String::new();
            push_escaped(&mut xml, text);
            xml
        };
        assert_eq!(escaped("<a&b> \"c\""), "&lt;a&amp;b&gt; &quot;c&quot;");
        assert_eq!(escaped("a\r\nb\rc\n\td"), "a\nb\nc\n\td");
        assert_eq!(escaped("a\0\u{B}\u{FFFE}"), "a\u{7F}\u{7F}\u{7F}");
        // A character beyond U+FFFF counts as two, as for an import of the written file.
        for (text, length) in [("é", MAX_CELL_LENGTH), ("😀", MAX_CELL_LENGTH / 2)] {
            let text = text.repeat(40_000);
            assert_eq!(escaped(&text).chars().count(), length);
        }
    }
}
