//! Text of cells, headers and messages.

use devices_domain::trim;

/// Maximum number of characters of a header, and of a name in a message.
const MAX_SHORT: usize = 100;

/// Returns whether a text has no visible character.
pub(crate) fn is_blank(text: &str) -> bool {
    trim(text).is_empty()
}

/// Returns a text in one line, shortened to 100 characters. White space with a line break or a tab
/// becomes one space.
pub(crate) fn shorten(text: &str) -> String {
    let mut short = String::new();
    let (mut length, mut after_break) = (0, false);
    for character in trim(text).chars() {
        let is_break = character.is_control();
        if after_break && (is_break || character.is_whitespace()) {
            continue;
        }
        if length == MAX_SHORT {
            short.push('…');
            break;
        }
        if is_break {
            short.truncate(short.trim_end().len());
        }
        short.push(if is_break { ' ' } else { character });
        after_break = is_break;
        length += 1;
    }
    short
}

/// Quotes a name for a message: in one line, shortened.
pub(crate) fn quote(name: &str) -> String {
    format!("`{}`", shorten(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_shortened_to_one_line() {
        assert_eq!(shorten(" Serial \r\n  number\t"), "Serial number");
        assert_eq!(shorten("Cost  centre"), "Cost  centre");
        assert_eq!(shorten(&"é".repeat(100)), "é".repeat(100));
        assert_eq!(shorten(&"é".repeat(101)), "é".repeat(100) + "…");
        assert_eq!(quote("\u{FEFF}a\0b"), "`a b`");
    }
}
