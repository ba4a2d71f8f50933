//! Email addresses.

use serde::{Serialize, Serializer};

use super::sanitize::is_invisible;
use super::{FieldValue, Format, InvalidValue, RawValue, ShortText};
use crate::fold::fold_case;
use crate::validation::error::Reason;

/// An email address of 3 to 255 characters: text before and after a single `@`, without white
/// space and other invisible characters.
///
/// Stored as sent. [`folded`](Self::folded) addresses are compared. No further syntax is checked: only sending mail
/// shows whether an address works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    text: String,
    /// Folded form. `None` if it equals `text`.
    folded: Option<String>,
}

impl Email {
    /// Wraps an address that is known to be valid, such as a stored one, without validation.
    #[must_use]
    pub fn from_trusted(text: String) -> Self {
        let folded = fold_case(&text);
        let folded = (folded != text).then(|| folded.into_owned());
        Self { text, folded }
    }

    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the form in which addresses are compared: [`fold_case`]. Two spellings with the same
    /// form are one address.
    #[must_use]
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.text)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl FieldValue for Email {
    const FORMAT: Format = Format::Email;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = ShortText::parse(raw)?;
        match text.as_str().split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !text.as_str().contains(is_invisible) =>
            {
                Ok(Self::from_trusted(text.as_str().to_owned()))
            }
            _ => Err(InvalidValue::new(
                Reason::Malformed,
                "must be an email address such as \"ada@example.com\"",
            )),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Result<Email, InvalidValue> {
        Email::parse(&RawValue::text(text))
    }

    #[test]
    fn address_requires_text_around_a_single_at() {
        for valid in ["a@b", " ada@example.com ", "grâce+it@exämple.org"] {
            assert_eq!(email(valid).unwrap().as_str(), valid.trim());
        }
        for invalid in [
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b\u{a0}c",
            "a\u{200B}@b",
        ] {
            assert!(email(invalid).is_err(), "{invalid:?}");
        }
        assert!(email(&format!("a@{}", "b".repeat(254))).is_err());
    }

    #[test]
    fn spellings_of_an_address_fold_equally() {
        for text in [
            "grâce@Example.com",
            "GRÂCE@EXAMPLE.COM",
            "gra\u{302}ce@example.com",
        ] {
            let email = email(text).unwrap();
            assert_eq!(
                (email.as_str(), email.folded()),
                (text, "grâce@example.com")
            );
        }
        assert_eq!(email("Straße@b").unwrap().folded(), "strasse@b");
    }
}
