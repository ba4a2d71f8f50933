//! Fields that take one of a few words.

use serde::{Serialize, Serializer};

use super::text::clean;
use super::value::{Refusal, Shape, Value};
use crate::error::Reason;
use crate::raw_row::RawValue;

macro_rules! choice {
    ($(#[$doc:meta])* $Choice:ident { $($Word:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the words are the contract's and say what they mean")]
        pub enum $Choice { $($Word),+ }

        impl $Choice {
            /// Every word, as the API spells it.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as the API spells it.
            pub fn as_str(self) -> &'static str {
                Self::WORDS[self as usize]
            }
        }

        impl Value for $Choice {
            const SHAPE: Shape = Shape::OneOf(Self::WORDS);

            fn parse(raw: &RawValue<'_>) -> Result<Self, Refusal> {
                match clean(raw)? {
                    $($word => Ok(Self::$Word),)+
                    _ => Err(Refusal::new(
                        Reason::NotInEnum,
                        format!("must be one of {}", Self::WORDS.join(", ")),
                    )),
                }
            }
        }

        impl Serialize for $Choice {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

choice! {
    /// How a device was added.
    AddedVia {
        MassImport = "MASS_IMPORT",
        SingleImport = "SINGLE_IMPORT",
        Onboarding = "ONBOARDING",
    }
}

choice! {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_the_value_that_spells_it() {
        for word in KeyboardLayout::WORDS {
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
