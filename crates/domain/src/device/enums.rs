//! Enums among the fields of a device.

use crate::field::string_enum;

string_enum! {
    /// Channel through which a device was added.
    #[non_exhaustive]
    AddedVia {
        MassImport = "MASS_IMPORT",
        SingleImport = "SINGLE_IMPORT",
        Onboarding = "ONBOARDING",
    }
}

string_enum! {
    /// Layout of a keyboard.
    #[non_exhaustive]
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
    /// Part of the status that people set by hand.
    #[non_exhaustive]
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
    fn every_name_is_parsed_as_its_value() {
        for name in KeyboardLayout::NAMES {
            let layout = KeyboardLayout::parse(&RawValue::text(*name)).unwrap();
            assert_eq!(layout.as_str(), *name);
        }
    }

    #[test]
    fn unknown_name_is_rejected_with_the_known_names() {
        for name in ["mass_import", "CSV", "MASS IMPORT"] {
            let error = AddedVia::parse(&RawValue::text(name)).unwrap_err();
            assert_eq!(error.reason, Reason::NotInEnum);
            assert_eq!(
                error.detail,
                "must be one of MASS_IMPORT, SINGLE_IMPORT, ONBOARDING"
            );
        }
    }
}
