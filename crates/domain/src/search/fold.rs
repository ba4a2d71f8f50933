//! Folding of searched text: case, accents, compatibility forms, and ignorable characters.

use std::sync::LazyLock;

use compact_str::CompactString;
use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_compatible;

use crate::field::is_ignorable;

/// Appends the folded form of `text` to `folded`.
///
/// Applies NFKD, removes the accents U+0300 to U+036F and ignorable characters, applies full case
/// folding, replaces letters that have no decomposition (`ø` by `o`), and applies NFC, so that a
/// Korean syllable is one character. Folding is idempotent.
pub(super) fn fold_into(folded: &mut String, text: &str) {
    fold_prefix_into(folded, text, usize::MAX);
}

/// Like [`fold_into`], but may stop after the first `max_chars` characters of the decomposed text:
/// 10,000 characters can decompose to 180,000.
pub(super) fn fold_prefix_into(folded: &mut String, text: &str, max_chars: usize) {
    if text.is_ascii() {
        let start = folded.len();
        folded.push_str(text);
        folded[start..].make_ascii_lowercase();
        return;
    }
    let mut rest = text;
    let mut char_count = 0;
    while !rest.is_empty() && char_count < max_chars {
        let [context_free, other, next] = split_context_free(rest);
        for c in context_free.chars() {
            folded.push_str(&CONTEXT_FREE_FORMS[c as usize]);
            char_count += 1;
        }
        char_count += fold_other_into(folded, other, max_chars.saturating_sub(char_count));
        rest = next;
    }
}

/// Folded form of each [context-free](is_context_free) character. Folding them one by one gives the
/// same form as folding their text, and takes a tenth of the time.
static CONTEXT_FREE_FORMS: LazyLock<Vec<CompactString>> = LazyLock::new(|| {
    let form = |c: char| {
        let mut folded = String::new();
        fold_other_into(&mut folded, c.encode_utf8(&mut [0; 4]), usize::MAX);
        folded.into()
    };
    ('\0'..FIRST_MARK).map(form).collect()
});

/// First combining mark.
const FIRST_MARK: char = '\u{300}';

/// Returns whether a character precedes all combining marks in Unicode: it folds the same after any
/// text. The soft hyphen does not count, because folding removes it: a mark after it changes the
/// character before it.
fn is_context_free(c: char) -> bool {
    c < FIRST_MARK && c != '\u{AD}'
}

/// Splits a text into context-free characters, others with the character before them, which they
/// may change, and the rest.
fn split_context_free(text: &str) -> [&str; 3] {
    let Some(first) = text.find(|c| !is_context_free(c)) else {
        return [text, "", ""];
    };
    let last_context_free = text[..first].char_indices().next_back();
    let start = last_context_free.map_or(0, |(index, _)| index);
    let end = text[first..].find(is_context_free);
    let end = end.map_or(text.len(), |length| first + length);
    [&text[..start], &text[start..end], &text[end..]]
}

/// Folds any text, up to `max_chars` characters of the decomposed text. Returns their number.
fn fold_other_into(folded: &mut String, text: &str, max_chars: usize) -> usize {
    let mut decomposed = String::with_capacity(text.len() + text.len() / 2);
    let mut char_count = 0;
    for c in text.nfd() {
        char_count += decompose(c, &mut decomposed);
        if char_count >= max_chars {
            break;
        }
    }
    let cased = CaseMapper::new().fold_string(&decomposed);
    let mut replaced = String::with_capacity(cased.len());
    for c in cased.chars() {
        match c {
            'ø' => replaced.push('o'),
            'ł' => replaced.push('l'),
            'đ' => replaced.push('d'),
            'ħ' => replaced.push('h'),
            'ŧ' => replaced.push('t'),
            'ı' => replaced.push('i'),
            'æ' => replaced.push_str("ae"),
            'œ' => replaced.push_str("oe"),
            _ => replaced.push(c),
        }
    }
    folded.extend(replaced.nfc());
    char_count
}

/// Appends the compatibility decomposition of a character, without accents and ignorable
/// characters. Returns the number of appended characters.
fn decompose(c: char, decomposed: &mut String) -> usize {
    // `´` and its like decompose to a space and an accent, and would vanish.
    if is_spacing_accent(c) {
        decomposed.push(c);
        return 1;
    }
    let mut char_count = 0;
    decompose_compatible(c, |c| {
        let is_accent = ('\u{300}'..='\u{36F}').contains(&c);
        if !is_accent && !is_ignorable(c) {
            decomposed.push(c);
            char_count += 1;
        }
    });
    char_count
}

fn is_spacing_accent(c: char) -> bool {
    let mut first = None;
    if !c.is_ascii() && !c.is_whitespace() {
        decompose_compatible(c, |part| {
            first.get_or_insert(part);
        });
    }
    first == Some(' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn fold(text: &str) -> String {
        let mut folded = String::new();
        fold_into(&mut folded, text);
        folded
    }

    #[rstest]
    #[case::ascii("MacBook PRO", "macbook pro")]
    #[case::accents("GRÂCE grâce gra\u{302}ce", "grace grace grace")]
    #[case::sharp_s("Straße STRAẞE", "strasse strasse")]
    #[case::letters_without_decomposition("ØøŁłĐđĦħŦŧÆæŒœ", "oolLddhhttaeaeoeoe")]
    #[case::turkish("İıIi", "iiii")]
    #[case::greek("Σίσυφος", "σισυφοσ")]
    #[case::cyrillic("Ноутбук Ё Й", "ноутбук е и")]
    #[case::ligature("ﬁ", "fi")]
    #[case::full_width("ＭａｃＢｏｏｋ１５", "macbook15")]
    #[case::half_width_katakana("ｶﾞ", "ガ")]
    #[case::arabic_marks("مُحَمَّد", "مُحَمَّد")]
    #[case::devanagari("हिन्दी", "हिन्दी")]
    #[case::thai("เครื่อง", "เครื่อง")]
    #[case::korean("한국", "한국")]
    #[case::korean_decomposed("\u{1112}\u{1161}\u{11AB}", "한")]
    #[case::soft_hyphen("Schreib\u{AD}tisch", "schreibtisch")]
    #[case::zero_width("a\u{200B}b\u{200D}c\u{FEFF}d\u{2060}e\u{200F}", "abcde")]
    #[case::variation_selector("❤\u{FE0F}", "❤")]
    #[case::spacing_accents("´ ¨ \u{385}", "´ ¨ ¨")]
    #[case::trade_mark("²™℃", "2tm°c")]
    fn text_is_folded(#[case] sent: &str, #[case] expected: &str) {
        assert_eq!(fold(sent), expected.to_lowercase());
    }

    #[test]
    fn folding_every_character_is_idempotent() {
        for c in '\0'..=char::MAX {
            let once = fold(c.encode_utf8(&mut [0; 4]));
            assert_eq!(fold(&once), once, "U+{:04X}", c as u32);
        }
    }

    #[test]
    fn visible_characters_do_not_vanish() {
        for c in '\0'..=char::MAX {
            let is_accent = ('\u{300}'..='\u{36F}').contains(&c);
            let folded = fold(c.encode_utf8(&mut [0; 4]));
            let is_blank = folded.trim().is_empty();
            assert_eq!(
                is_blank,
                c.is_whitespace() || is_ignorable(c) || is_accent,
                "U+{:04X}",
                c as u32
            );
        }
    }

    proptest! {
        #[test]
        fn text_is_folded_as_a_whole(
            text in "[a-zÀ-ʯ ´\u{AD}\u{300}-\u{36F}ΐ\u{5B0}かｶ\u{3099}\u{FF9E}\u{1100}\u{1161}\u{11A8}각\u{9C7}\u{9BE}\u{200D}ﬁ]{0,12}"
        ) {
            let mut expected = String::new();
            fold_other_into(&mut expected, &text, usize::MAX);
            prop_assert_eq!(fold(&text), expected);
        }

        #[test]
        fn folding_is_idempotent(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn canonically_equivalent_texts_fold_equally(text in any::<String>()) {
            let nfc: String = text.nfc().collect();
            let nfd: String = text.nfd().collect();
            prop_assert_eq!(fold(&nfc), fold(&text));
            prop_assert_eq!(fold(&nfd), fold(&text));
        }
    }
}
