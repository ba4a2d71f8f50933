//! Declares settings: the structs that hold them, their validation, and their documentation.

use std::any::TypeId;

use secrecy::SecretString;

/// A section of the settings, as documented in `docs/CONFIGURATION.md`.
#[derive(Debug)]
pub struct Section {
    /// Name, as in `config/default.toml`.
    pub name: &'static str,
    /// Doc comment, in one line.
    pub doc: String,
    /// Settings of the section.
    pub fields: Vec<Field>,
}

/// A setting, as documented in `docs/CONFIGURATION.md`.
#[derive(Debug)]
pub struct Field {
    /// Name, as in `config/default.toml`.
    pub name: &'static str,
    /// Environment variable that sets it.
    pub variable: String,
    /// Doc comment, in one line.
    pub doc: String,
    /// Description of the allowed values, such as "from 1 to 100".
    pub allowed: String,
    /// Hides the value in `config check`.
    pub is_secret: bool,
}

/// Returns the name of the variable that sets a key such as `server.port`.
pub(super) fn variable_of(key: &str) -> String {
    format!("DEVICES__{}", key.replace('.', "__")).to_uppercase()
}

/// Returns the key of a variable: the inverse of [`variable_of`].
pub(super) fn key_of(variable: &str) -> String {
    let key = variable.strip_prefix("DEVICES__").unwrap_or(variable);
    key.replace("__", ".").to_lowercase()
}

/// Returns whether values of a type are secrets.
pub(super) fn is_secret<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<SecretString>()
}

/// Joins the lines of a doc comment.
pub(super) fn join_doc(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// Declares all sections and their fields as `name: Type => rule`, where the rule implements
/// [`Rule`](super::rules::Rule) for the type.
///
/// Generates the struct `Settings`, a struct for each section, `Settings::check`, which checks
/// every rule, and `Settings::sections`, which lists the fields with their doc comments and rules.
macro_rules! settings {
    ($(
        $(#[doc = $section_doc:literal])+
        $(#[derive($Derived:ident)])?
        $section:ident: $Section:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $Type:ty => $rule:expr, )+
        }
    )+) => {
        /// All settings. The debug output omits their values, which may be secrets.
        #[derive(serde::Deserialize)]
        pub struct Settings {
            $( $(#[doc = $section_doc])+ pub $section: $Section, )+
        }

        impl std::fmt::Debug for Settings {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct("Settings").finish_non_exhaustive()
            }
        }

        impl Settings {
            /// Returns every section, in the order of `config/default.toml`.
            pub fn sections() -> Vec<$crate::settings::Section> {
                vec![$(
                    $crate::settings::Section {
                        name: stringify!($section),
                        doc: declaration::join_doc(&[$($section_doc),+]),
                        fields: vec![$(
                            $crate::settings::Field {
                                name: stringify!($field),
                                variable: declaration::variable_of(
                                    concat!(stringify!($section), ".", stringify!($field)),
                                ),
                                doc: declaration::join_doc(&[$($doc),+]),
                                allowed: rules::Rule::<$Type>::describe(&$rule),
                                is_secret: declaration::is_secret::<$Type>(),
                            },
                        )+],
                    },
                )+]
            }

            /// Checks the texts of settings against their rules: those whose key `is_checked`.
            ///
            /// # Errors
            /// The key and the allowed values of the first setting that violates its rule.
            fn check(
                config: &config::Config,
                is_checked: impl Fn(&str) -> bool,
            ) -> Result<(), (&'static str, String)> {
                $($(
                    let key = concat!(stringify!($section), ".", stringify!($field));
                    let value = config.get::<config::Value>(key);
                    let text = value.map(|value| value.kind.to_string());
                    let is_allowed =
                        text.is_ok_and(|text| rules::Rule::<$Type>::accepts(&$rule, &text));
                    if !is_allowed && is_checked(key) {
                        return Err((key, rules::Rule::<$Type>::describe(&$rule)));
                    }
                )+)+
                Ok(())
            }
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, serde::Deserialize $(, $Derived)?)]
            pub struct $Section {
                $( $(#[doc = $doc])+ pub $field: $Type, )+
            }

            impl std::fmt::Debug for $Section {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.debug_struct(stringify!($Section)).finish_non_exhaustive()
                }
            }
        )+
    };
}

pub(super) use settings;
