//! Comparison of text without regard to case.

use std::borrow::Cow;

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

    proptest! {
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
