//! E-mail addresses.

use serde::Serialize;

use super::text::is_invisible;
use super::{FieldValue, Format, InvalidValue, RawValue, ShortText};
use crate::validation::error::Reason;

/// An e-mail address: 3 to 255 characters, something before and something after its one `@`, no white
/// space and no other character that cannot be seen. Kept as it came; compared without regard to case. Whether mail arrives, only sending some
/// can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// An address that was judged before, such as one that was stored; not judged again.
    pub fn from_trusted(text: String) -> Self {
        Self(text)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
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
                Ok(Self(text.as_str().to_owned()))
            }
            _ => Err(InvalidValue::new(
                Reason::Malformed,
                "must be an e-mail address such as \"ada@example.com\"",
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
    fn an_address_has_something_before_and_after_its_one_at() {
        for good in ["a@b", " ada@example.com ", "grâce+it@exämple.org"] {
            assert_eq!(email(good).unwrap().as_str(), good.trim());
        }
        for bad in [
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b\u{a0}c",
            "a\u{200B}@b",
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("a@{}", "b".repeat(254))).is_err());
    }
}
