//! Fields of a device that take one of a few words.

use crate::field::string_enum;

string_enum! {
    /// How a device was added.
    AddedVia {
        MassImport = "MASS_IMPORT",
        SingleImport = "SINGLE_IMPORT",
        Onboarding = "ONBOARDING",
    }
}

string_enum! {
    /// The layout of a device's keyboard.
    KeyboardLayout {
        FrenchAzerty = "FRENCH_AZERTY",
        SpanishQwerty = "SPANISH_QWERTY",
        ItalianQwerty = "ITALIAN_QWERTY",
        InternationalEnglishQwerty = "INTERNATIONAL_ENGLISH_QWERTY",
        GermanQwertz = "GERMAN_QWERTZ",
        PortugueseQwerty = "PORTUGUESE_QWERTY",
        EnglishQwerty = "ENGLISH_QWERTY",
        SwissQwertz = "SWISS_QWERTZ",
        AmericanEnglishQwerty = "AMERICAN_ENGLISH_QWERTY",
        CanadianEnglishQwerty = "CANADIAN_ENGLISH_QWERTY",
        DutchQwerty = "DUTCH_QWERTY",
    }
}

string_enum! {
    /// What only people know of where a device stands.
    Lifecycle {
        InMaintenance = "IN_MAINTENANCE",
        OutOfService = "OUT_OF_SERVICE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FieldValue, RawValue};
    use crate::validation::error::Reason;

    #[test]
    fn every_word_is_read_as_the_value_that_spells_it() {
        for word in KeyboardLayout::NAMES {
            let layout = KeyboardLayout::parse(&RawValue::text(*word)).unwrap();
            assert_eq!(layout.as_str(), *word);
        }
    }

    #[test]
    fn another_word_or_another_case_is_refused_and_the_words_are_named() {
        for word in ["mass_import", "CSV", "MASS IMPORT"] {
            let refusal = AddedVia::parse(&RawValue::text(word)).unwrap_err();
            assert_eq!(refusal.reason, Reason::NotInEnum);
            assert_eq!(
                refusal.detail,
                "must be one of MASS_IMPORT, SINGLE_IMPORT, ONBOARDING"
            );
        }
    }
}
