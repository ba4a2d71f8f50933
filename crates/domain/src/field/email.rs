//! Email addresses.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::sanitize::{char_name, is_invisible};
use super::{FieldValue, Format, InvalidValue, RawValue, ShortText};
use crate::fold::fold_case;
use crate::validation::error::Reason;

/// Characters that separate or enclose addresses, or need quotes in one (RFC 5322, section 3.2.3,
/// "specials", without the dot and the `@`).
const RESERVED: &[char] = &['<', '>', '(', ')', '[', ']', ',', ';', ':', '\\', '"'];

/// Characters that separate the labels of a domain (RFC 3490, section 3.1).
const DOTS: &[char] = &['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// An email address of 3 to 255 characters: text before and after a single `@`, without white
/// space, other invisible characters, and `< > ( ) [ ] , ; : \ "`. No label of its domain is empty.
///
/// Stored as sent. [`folded`](Self::folded) addresses are compared. No further syntax is checked:
/// only sending mail shows whether an address works.
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
        match syntax_error(text.as_str()) {
            None => Ok(Self::from_trusted(text.as_str().to_owned())),
            Some(detail) => Err(InvalidValue::new(Reason::Malformed, detail)),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.as_str())
    }
}

/// Returns the first rule that an address breaks, as a predicate.
fn syntax_error(address: &str) -> Option<Cow<'static, str>> {
    let begins_with = |scheme: &str| {
        let start = address.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if begins_with("mailto:") {
        return Some("must be the address alone, without `mailto:`".into());
    }
    if let Some(character) = address.chars().find(|c| RESERVED.contains(c)) {
        return Some(
            format!(
                "must not contain the character `{character}`: \
                 send one address without a name, such as \"ada@example.com\""
            )
            .into(),
        );
    }
    if let Some(character) = address.chars().find(|c| is_invisible(*c)) {
        let name = char_name(character);
        let kind = if character.is_whitespace() {
            "the blank"
        } else {
            "the invisible character"
        };
        return Some(format!("must not contain {kind} {name}: remove it").into());
    }
    match address.split_once('@') {
        Some((_, domain)) if domain.contains('@') => Some("must contain only one `@`".into()),
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => {
            let has_empty_label = domain.split(DOTS).any(str::is_empty);
            has_empty_label.then(|| {
                "must not have a dot at the start or end of its domain, or two dots in a row".into()
            })
        }
        _ => Some("must be an email address such as \"ada@example.com\"".into()),
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
        for valid in [
            "a@b",
            " ada@example.com ",
            "grâce+it@exämple.org",
            "o'brien@example.com",
            "ada_example.com#EXT#@contoso.onmicrosoft.com",
            "почта@пример.рф",
            "ada.@docomo.example",
            "a..b@docomo.example",
            "!#$%&'*+/=?^_`{|}~-@localhost",
        ] {
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

    #[test]
    fn malformed_address_is_explained() {
        for (sent, detail) in [
            ("ada", "must be an email address such as"),
            ("@b", "must be an email address such as"),
            ("a@", "must be an email address such as"),
            ("a@b@c", "must contain only one `@`"),
            (
                "MAILTO:ada@example.com",
                "must be the address alone, without `mailto:`",
            ),
            (
                "Ada <ada@example.com>",
                "must not contain the character `<`",
            ),
            (
                "ada@example.com;bob@example.com",
                "must not contain the character `;`",
            ),
            ("ada@example.com,", "must not contain the character `,`"),
            ("ada(it)@example.com", "must not contain the character `(`"),
            ("ada@[192.0.2.1]", "must not contain the character `[`"),
            ("smtp:ada@example.com", "must not contain the character `:`"),
            ("a\\b@example.com", "must not contain the character `\\`"),
            ("\"ada\"@example.com", "must not contain the character `\"`"),
            (
                "ada lovelace@example.com",
                "must not contain the blank U+0020",
            ),
            ("ada\u{A0}@example.com", "must not contain the blank U+00A0"),
            (
                "ada\u{200B}@example.com",
                "must not contain the invisible character U+200B",
            ),
            (
                "a@b..com",
                "must not have a dot at the start or end of its domain",
            ),
            (
                "a@.b.com",
                "must not have a dot at the start or end of its domain",
            ),
            (
                "a@b\u{3002}\u{FF0E}com",
                "must not have a dot at the start or end of its domain",
            ),
            (
                "a@b.com.",
                "must not have a dot at the start or end of its domain",
            ),
        ] {
            let error = email(sent).unwrap_err();
            assert_eq!(error.reason, Reason::Malformed, "{sent}");
            assert!(error.detail.starts_with(detail), "{sent}: {}", error.detail);
        }
    }
}
