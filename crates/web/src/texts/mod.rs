//! Texts of the console: their types, and the values that are filled in. [`english`] has all texts.
//!
//! A text can contain names in braces, which [`fill`] replaces.

use std::fmt::Display;

/// Title of an error, and advice about the next step.
#[derive(Debug)]
pub(crate) struct ErrorText {
    pub(crate) title: &'static str,
    pub(crate) advice: &'static str,
}

/// Returns a text with values in the place of names in braces, such as `{count}`.
pub(crate) fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            continue;
        };
        if let Some((_, value)) = values.iter().find(|(given, _)| *given == name) {
            filled.push_str(&value.to_string());
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Returns the text for one object, or that for any other number, with the number for `{count}`.
pub(crate) fn count(count: u64, one: &str, other: &str) -> String {
    let text = if count == 1 { one } else { other };
    fill(text, &[("count", &group_digits(count))])
}

/// Returns a number with its digits in groups of three. The script of the page shows it in the
/// format of the browser's language.
pub(crate) fn group_digits(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

macro_rules! texts {
    ($( $group:ident: $Group:ident { $( $name:ident: $text:literal, )* } )*) => {
        /// Texts by the page or the part of a page that shows them.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $( pub(crate) $group: $Group, )*
            pub(crate) errors: ErrorTexts,
            /// Labels of fields that cannot be derived from their names.
            pub(crate) field_labels: &'static [(&'static str, &'static str)],
            /// Phrases of messages about imports that name an option of the API, and their
            /// replacements.
            pub(crate) import_phrases: &'static [(&'static str, &'static str)],
        }

        $(
            #[derive(Debug)]
            pub(crate) struct $Group { $( pub(crate) $name: &'static str, )* }
        )*

        /// The English texts.
        pub(crate) static EN: Texts = Texts {
            $( $group: $Group { $( $name: $text, )* }, )*
            errors: ENGLISH_ERRORS,
            field_labels: FIELD_LABELS,
            import_phrases: IMPORT_PHRASES,
        };
    };
}

macro_rules! error_texts {
    ($( $name:ident: $title:literal, $advice:literal; )*) => {
        #[derive(Debug)]
        pub(crate) struct ErrorTexts { $( pub(crate) $name: ErrorText, )* }

        const ENGLISH_ERRORS: ErrorTexts = ErrorTexts {
            $( $name: ErrorText { title: $title, advice: $advice }, )*
        };
    };
}

mod english;

pub(crate) use english::{EN, Texts};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_replaced() {
        assert_eq!(fill("{a} of {b}", &[("a", &1), ("b", &"x")]), "1 of x");
        assert_eq!(fill("no names", &[]), "no names");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(group_digits(number), expected);
        }
    }

    #[test]
    fn one_object_has_its_own_text() {
        assert_eq!(count(1, "1 user", "{count} users"), "1 user");
        assert_eq!(count(2_000, "1 user", "{count} users"), "2,000 users");
    }
}
