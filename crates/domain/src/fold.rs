//! Comparison of text without regard to case.

use std::borrow::Cow;
use std::sync::LazyLock;

use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization;

/// Returns the form in which email addresses, types and categories are compared.
///
/// Two texts have the same form if they are canonical caseless matches (Unicode Standard,
/// definition D145), for example `STRASSE` and `straße`, or `é` as one or as two characters. The
/// form is in NFC. It depends neither on a locale nor on the database: `I` is `i` everywhere.
#[must_use]
pub fn fold_case(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            text.to_ascii_lowercase().into()
        } else {
            text.into()
        };
    }
    // Case folding reads decomposed text: it turns the iota subscript into a letter of its own,
    // which must not depend on the order of the marks before it.
    let decomposed: String = text.nfd().collect();
    let folded: String = CaseMapper::new().fold_string(&decomposed).nfc().collect();
    if folded == text {
        text.into()
    } else {
        folded.into()
    }
}

/// Characters that [`fold_case`] turns into parts of one folded text.
///
/// With them, a database that does not fold text itself compares stored texts with this one: a
/// text has this folded form if it equals it after these replacements. If the folded form
/// [is ASCII](Self::is_ascii), this is all. Otherwise, the text is decomposed (NFD) before the
/// replacements, and composed (NFC) after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseVariants {
    /// Characters that become one other character, each with that one.
    pub single: Vec<(char, char)>,
    /// Characters that become several others, each with these.
    pub expanded: Vec<(char, String)>,
    /// `true` if the folded text is ASCII.
    pub is_ascii: bool,
}

impl CaseVariants {
    /// Returns the characters whose folded forms occur in a folded text.
    #[must_use]
    pub fn of(folded: &str) -> Self {
        let is_ascii = folded.is_ascii();
        let decomposed: String = folded.nfd().collect();
        let mut variants = Self {
            single: Vec::new(),
            expanded: Vec::new(),
            is_ascii,
        };
        for (c, form) in CASE_FORMS.iter() {
            if !decomposed.contains(form) || (!is_ascii && !is_decomposed(*c)) {
                continue;
            }
            let mut form_chars = form.chars();
            match (form_chars.next(), form_chars.next()) {
                (Some(single), None) => variants.single.push((*c, single)),
                _ => variants.expanded.push((*c, form.clone())),
            }
        }
        variants
    }
}

/// All characters that folding changes, with their folded and decomposed forms.
static CASE_FORMS: LazyLock<Vec<(char, String)>> = LazyLock::new(|| {
    let decomposed = |c: char| {
        let folded = fold_case(c.encode_utf8(&mut [0; 4])).into_owned();
        (c, folded.nfd().collect::<String>())
    };
    let is_changed = |(c, form): &(char, String)| std::iter::once(*c).nfd().ne(form.chars());
    // Forms that differ in more than their decomposition. `K` (U+212A) decomposes to `K`.
    let all = ('\0'..=LAST_CASED).map(decomposed);
    all.filter(is_changed).collect()
});

/// No character after this one has case variants.
const LAST_CASED: char = '\u{1FFFF}';

fn is_decomposed(c: char) -> bool {
    std::iter::once(c).nfd().eq(std::iter::once(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::ascii("Ada@Example.COM", "ada@example.com")]
    #[case::accents("GRÂCE", "grâce")]
    #[case::decomposed("GRA\u{302}CE", "grâce")]
    #[case::sharp_s("Straße", "strasse")]
    #[case::capital_sharp_s("STRAẞE", "strasse")]
    #[case::final_sigma("ΣΊΣΥΦΟΣ", "σίσυφοσ")]
    #[case::cyrillic("Ноутбук Й", "ноутбук й")]
    #[case::turkish_dotted("İ", "i\u{307}")]
    #[case::turkish_dotless("ISPARTA ı", "isparta ı")]
    #[case::iota_subscript("ᾳ", "αι")]
    #[case::compatibility_is_kept("ＡＢ ²", "ａｂ ²")]
    #[case::no_case("東京 노트북 ไทย", "東京 노트북 ไทย")]
    fn text_is_folded(#[case] sent: &str, #[case] folded: &str) {
        assert_eq!(fold_case(sent), folded);
    }

    #[test]
    fn folded_text_is_borrowed() {
        for text in ["ada@example.com", "grâce", "東京"] {
            assert!(matches!(fold_case(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn folding_every_character_is_idempotent() {
        for c in '\0'..=char::MAX {
            let once = fold_case(c.encode_utf8(&mut [0; 4])).into_owned();
            assert_eq!(fold_case(&once), once, "U+{:04X}", c as u32);
        }
    }

    /// Compares like a database, with the replacements of the variants.
    fn equals_after_replacements(text: &str, folded: &str) -> bool {
        let variants = CaseVariants::of(folded);
        let mut text: String = if variants.is_ascii {
            text.to_owned()
        } else {
            text.nfd().collect()
        };
        for (c, single) in &variants.single {
            text = text.replace(*c, &single.to_string());
        }
        for (c, form) in &variants.expanded {
            text = text.replace(*c, form);
        }
        if !variants.is_ascii {
            text = text.nfc().collect();
        }
        text == folded
    }

    #[rstest]
    #[case::ascii("DELL", "Dell")]
    #[case::kelvin_sign("\u{212A}IA", "kia")]
    #[case::ligature("O\u{FB03}ce", "office")]
    #[case::sharp_s("Groß", "GROSS")]
    #[case::decomposed("E\u{301}lectrolux", "Électrolux")]
    #[case::mark_order("ᾳ\u{301}", "ᾴ")]
    #[case::dotted_capital("İnci", "i\u{307}NCI")]
    #[case::sigma("ΣΊΣΥΦΟΣ", "σίσυφος")]
    #[case::unchanged("東京 42", "東京 42")]
    fn variants_make_texts_of_the_same_form_equal(#[case] text: &str, #[case] same: &str) {
        for folded in [fold_case(text), fold_case(same)] {
            for text in [text, same] {
                assert!(equals_after_replacements(text, &folded), "{text} {folded}");
            }
            assert!(!equals_after_replacements("Other", &folded));
        }
    }

    #[test]
    fn all_characters_with_variants_are_known() {
        for c in LAST_CASED..=char::MAX {
            let folded = fold_case(c.encode_utf8(&mut [0; 4])).into_owned();
            assert!(
                folded.nfd().eq(std::iter::once(c).nfd()),
                "U+{:04X}",
                c as u32
            );
        }
    }

    proptest! {
        #[test]
        fn variants_agree_with_folding(text in any::<String>(), other in any::<String>()) {
            let folded = fold_case(&text);
            prop_assert!(equals_after_replacements(&text, &folded));
            prop_assert_eq!(
                equals_after_replacements(&other, &folded),
                fold_case(&other) == folded
            );
        }

        #[test]
        fn variants_agree_with_folding_of_short_texts(
            text in "[aAkKsSßẞſ\u{212A}ﬁfiéÉe\u{301}ΐİ\u{307}\u{345}α]{0,4}",
            other in "[aAkKsSßẞſ\u{212A}ﬁfiéÉe\u{301}ΐİ\u{307}\u{345}α]{0,4}",
        ) {
            let folded = fold_case(&text);
            prop_assert!(equals_after_replacements(&text, &folded));
            prop_assert_eq!(
                equals_after_replacements(&other, &folded),
                fold_case(&other) == folded
            );
        }

        #[test]
        fn canonically_equivalent_texts_fold_equally(text in any::<String>()) {
            let folded = fold_case(&text);
            prop_assert_eq!(fold_case(&folded), folded.as_ref());
            let nfc: String = text.nfc().collect();
            let nfd: String = text.nfd().collect();
            prop_assert_eq!(fold_case(&nfc), folded.as_ref());
            prop_assert_eq!(fold_case(&nfd), folded.as_ref());
        }

        #[test]
        fn lower_and_upper_case_fold_equally(text in "[a-zA-ZÀ-ÿА-яΑ-ω ]{0,20}") {
            let upper = text.to_uppercase();
            prop_assert_eq!(fold_case(&upper), fold_case(&text));
        }
    }
}
