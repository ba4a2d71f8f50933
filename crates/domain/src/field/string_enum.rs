//! Fields that take one of a few words.

/// Declares a field's words, each as a value.
macro_rules! string_enum {
    ($(#[$doc:meta])* $Choice:ident { $($(#[$word_doc:meta])* $Word:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the words are the contract's and say what they mean")]
        pub enum $Choice { $($(#[$word_doc])* $Word),+ }

        impl $Choice {
            /// Every word, as the API spells it.
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            /// Every value, in the order of their words.
            pub const ALL: &'static [Self] = &[$(Self::$Word),+];

            /// The word as the API spells it.
            pub fn as_str(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            /// The value that `word` spells; `None` where none does.
            pub fn from_name(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$Word),)+
                    _ => None,
                }
            }
        }

        impl $crate::field::FieldValue for $Choice {
            const FORMAT: $crate::field::Format = $crate::field::Format::OneOf(Self::NAMES);

            fn parse(raw: &$crate::field::RawValue<'_>) -> Result<Self, $crate::field::InvalidValue> {
                let word = $crate::field::clean(raw)?;
                Self::from_name(word).ok_or_else(|| $crate::field::InvalidValue::new(
                    $crate::validation::error::Reason::NotInEnum,
                    format!("must be one of {}", Self::NAMES.join(", ")),
                ))
            }

            fn to_raw(&self) -> $crate::field::RawValue<'_> {
                $crate::field::RawValue::text(self.as_str())
            }
        }

        impl serde::Serialize for $Choice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use string_enum;
