//! Booleans as people write them.

use devices_domain::trim;

/// Words for true and false. `WAHR` and `VRAI` are those of spreadsheets in German and French.
const TRUE: &[&str] = &["true", "yes", "y", "oui", "ja", "x", "1", "wahr", "vrai"];
const FALSE: &[&str] = &["false", "no", "n", "non", "nein", "0", "falsch", "faux"];

/// Reads a boolean, without regard to case.
pub(super) fn parse_boolean(text: &str) -> Option<bool> {
    let text = trim(text);
    let is_word = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_word(TRUE) {
        Some(true)
    } else if is_word(FALSE) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_three_languages_are_booleans() {
        for text in [
            "yes", "Yes", "OUI", "ja", "x", "X", " 1 ", "TRUE", "WAHR", "vrai",
        ] {
            assert_eq!(parse_boolean(text), Some(true), "{text}");
        }
        for text in ["no", "Non", "NEIN", "0", "false", "FALSCH", "faux"] {
            assert_eq!(parse_boolean(text), Some(false), "{text}");
        }
        for text in ["", "2", "maybe", "10", "xx"] {
            assert_eq!(parse_boolean(text), None, "{text}");
        }
    }
}
