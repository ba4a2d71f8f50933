//! Enums whose values are names, such as `MASS_IMPORT`.

/// Declares an enum, the name of each variant, and its validation as a field value.
macro_rules! string_enum {
    (
        $(#[$attribute:meta])*
        $Enum:ident {
            $( $(#[$variant_attribute:meta])* $Variant:ident = $name:literal ),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are those of the API and describe themselves")]
        pub enum $Enum { $($(#[$variant_attribute])* $Variant),+ }

        impl $Enum {
            /// Names of all values, as the API spells them.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// All values, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$Variant),+];

            /// Returns the name as the API spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            /// Returns the value with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$Variant),)+
                    _ => None,
                }
            }
        }

        impl $crate::field::FieldValue for $Enum {
            const FORMAT: $crate::field::Format = $crate::field::Format::OneOf(Self::NAMES);

            fn parse(
                raw: &$crate::field::RawValue<'_>,
            ) -> Result<Self, $crate::field::InvalidValue> {
                let name = $crate::field::sanitize(raw)?;
                Self::from_name(name).ok_or_else(|| $crate::field::InvalidValue::new(
                    $crate::validation::error::Reason::NotInEnum,
                    format!("must be one of {}", Self::NAMES.join(", ")),
                ))
            }

            fn to_raw(&self) -> $crate::field::RawValue<'_> {
                $crate::field::RawValue::text(self.as_str())
            }
        }

        impl serde::Serialize for $Enum {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use string_enum;
