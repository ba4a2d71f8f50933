//! Text for terminals.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns text of a file or of a server in a form that a terminal prints and does not obey:
/// control characters, line breaks and marks that reorder text become spaces.
pub(crate) fn printable(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars()
        .map(|c| if is_unsafe(c) { ' ' } else { c })
        .collect()
}

/// Returns printable text that takes exactly `width` columns of a terminal. The end of longer text
/// becomes `...`.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let mut text = shorten(text, width);
    let missing = width.saturating_sub(text.width());
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Returns printable text that takes at most `width` columns of a terminal.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    const MARK: &str = "...";
    let text = printable(text);
    if text.width() <= width {
        return text;
    }
    let mut left = width.saturating_sub(MARK.len());
    let kept = text.chars().take_while(|c| {
        let needed = c.width().unwrap_or(0);
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    kept.collect::<String>() + MARK
}

/// Returns the number of columns of a terminal that printable text takes.
pub(crate) fn width(text: &str) -> usize {
    printable(text).width()
}

/// Formats a number with commas between thousands: `512,000`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of things: `1 row`, `2,000 rows`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

/// Breaks the lines of printable text at spaces, so that they take at most 80 columns. Lines that
/// continue another are indented.
pub(crate) fn wrap(text: &str, indent: usize) -> String {
    let lines: Vec<_> = text.lines().map(|line| wrap_line(line, indent)).collect();
    lines.join("\n")
}

fn wrap_line(text: &str, indent: usize) -> String {
    const WIDTH: usize = 80;
    let mut lines = vec![String::new()];
    for word in printable(text).split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("there is a line");
        let is_empty = line.trim().is_empty();
        if !is_empty && line.width() + 1 + word.width() > WIDTH {
            lines.push(" ".repeat(indent) + word);
        } else {
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_spaces() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{202e}c"), "a [31m b c");
    }

    #[test]
    fn cells_take_their_width() {
        assert_eq!(cell("Room", 6), "Room  ");
        assert_eq!(cell("Seriennummer", 8), "Serie...");
        assert_eq!(cell("端末の型番", 8), "端末... ");
        assert_eq!(cell("端末の型番", 8).width(), 8);
    }

    #[test]
    fn thousands_are_separated() {
        let numbers = [0, 999, 1_000, 512_000, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "512,000", "1,234,567"]);
        assert_eq!(
            [count(1, "row"), count(2_000, "row")],
            ["1 row", "2,000 rows"]
        );
    }

    #[test]
    fn long_text_is_wrapped() {
        let text = wrap(&"word ".repeat(20), 2);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), 79);
        assert!(lines[1].starts_with("  word"), "{text}");
    }
}
