//! Splits folded text into lexemes.

use std::ops::Range;

use icu_properties::props::{LineBreak, Script};
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed};
use unicode_normalization::char::is_combining_mark;

/// Maximum number of characters of a word that are compared.
pub(super) const MAX_WORD_CHARS: usize = 255;

/// Number of characters of a lexeme of text that is searched by substring.
pub(super) const GRAM_CHARS: usize = 3;

/// Class of a character, which decides how text is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CharClass {
    /// White space and control characters: separate tokens.
    Blank,
    /// Letters and digits of scripts with blanks between words.
    Word,
    /// Letters of scripts without blanks between words, such as Chinese, Japanese and Thai.
    Unspaced,
    /// Everything else: punctuation, symbols, emoji.
    Symbol,
}

/// Consecutive characters of one class, other than blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) class: CharClass,
    /// Bytes of the text.
    pub(super) range: Range<usize>,
}

/// Returns the tokens of a folded text. A combining mark has the class of the character before it.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut position = 0;
    std::iter::from_fn(move || {
        loop {
            let start = position;
            let (class, end) = class_at(text, start, CharClass::Blank)?;
            position = end;
            loop {
                let ascii = text.as_bytes()[position..].iter();
                let is_same = |byte: &&u8| ASCII_CLASSES.get(usize::from(**byte)) == Some(&class);
                position += ascii.take_while(is_same).count();
                match class_at(text, position, class) {
                    Some((next, end)) if next == class => position = end,
                    _ => break,
                }
            }
            if class != CharClass::Blank {
                return Some(Token {
                    class,
                    range: start..position,
                });
            }
        }
    })
}

/// Returns the class of the character at `start`, and its end. `previous` is the class of the
/// character before it in the same token.
fn class_at(text: &str, start: usize, previous: CharClass) -> Option<(CharClass, usize)> {
    let byte = *text.as_bytes().get(start)?;
    if byte.is_ascii() {
        return Some((ASCII_CLASSES[usize::from(byte)], start + 1));
    }
    let c = text[start..].chars().next()?;
    let class = if previous != CharClass::Blank && is_combining_mark(c) {
        previous
    } else {
        class_of(c)
    };
    Some((class, start + c.len_utf8()))
}

/// Classes of the ASCII characters, which most texts consist of.
const ASCII_CLASSES: [CharClass; 128] = {
    let mut classes = [CharClass::Symbol; 128];
    let mut index = 0;
    while index < classes.len() {
        let byte = index as u8;
        if byte.is_ascii_alphanumeric() {
            classes[index] = CharClass::Word;
        } else if byte.is_ascii_control() || byte == b' ' {
            classes[index] = CharClass::Blank;
        }
        index += 1;
    }
    classes
};

/// Returns the class of a character beyond ASCII.
fn class_of(c: char) -> CharClass {
    if c.is_whitespace() || c.is_control() {
        CharClass::Blank
    } else if is_unspaced(c) {
        CharClass::Unspaced
    } else if c.is_alphanumeric() {
        CharClass::Word
    } else {
        CharClass::Symbol
    }
}

/// Returns whether a character is a letter of a script that is written without blanks between
/// words: ideographic scripts, kana, and the scripts that Unicode Standard Annex #14 gives the
/// line breaking class SA because only a dictionary separates their words.
fn is_unspaced(c: char) -> bool {
    const SCRIPTS: CodePointMapDataBorrowed<'static, Script> = CodePointMapData::<Script>::new();
    const LINE_BREAKS: CodePointMapDataBorrowed<'static, LineBreak> =
        CodePointMapData::<LineBreak>::new();
    if LINE_BREAKS.get(c) == LineBreak::ComplexContext {
        return true;
    }
    let is_ideographic_or_kana = matches!(
        SCRIPTS.get(c),
        Script::Han | Script::Hiragana | Script::Katakana | Script::Bopomofo | Script::Yi
    );
    // Unicode assigns them to several scripts.
    let is_iteration_or_sound_mark = matches!(c, '\u{3000}'..='\u{303F}' | '\u{30FC}');
    (is_ideographic_or_kana || is_iteration_or_sound_mark) && c.is_alphanumeric()
}

/// Calls `add` with each lexeme of a token, as a range of the text.
///
/// A word is one lexeme. All other tokens have overlapping lexemes, so that they are found by any
/// substring: one per character, with it and up to two that follow ([`GRAM_CHARS`]).
pub(super) fn lexemes(text: &str, token: &Token, mut add: impl FnMut(Range<usize>)) {
    let token_text = &text[token.range.clone()];
    let base = token.range.start;
    if token.class == CharClass::Word {
        add(base..base + prefix_length(token_text, MAX_WORD_CHARS));
        return;
    }
    for (start, _) in token_text.char_indices() {
        let length = prefix_length(&token_text[start..], GRAM_CHARS);
        add(base + start..base + start + length);
    }
}

/// Returns the length in bytes of the first `max_chars` characters of a text.
pub(super) fn prefix_length(text: &str, max_chars: usize) -> usize {
    // A text never has more characters than bytes.
    if text.len() <= max_chars {
        return text.len();
    }
    text.char_indices()
        .nth(max_chars)
        .map_or(text.len(), |(index, _)| index)
}
