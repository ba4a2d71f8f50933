//! Search keys for identifiers.

use compact_str::CompactString;

use super::identifier::{Identifier, fold_identifier};
use super::sanitize::trim;

/// Key that finds devices and enrolments by a serial number or an asset tag, compared by its folded
/// form.
///
/// Every text is a key. A text that is not a valid serial number can still find an object that an
/// earlier version stored, when fewer texts were placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierKey(Option<CompactString>);

impl IdentifierKey {
    /// Creates the key of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = trim(text);
        // No version stored a NUL, and PostgreSQL accepts none in the values of a query. Text that
        // is too long is not folded.
        let can_exist = !text.is_empty() && !text.contains('\0') && !Identifier::is_too_long(text);
        Self(can_exist.then(|| CompactString::new(fold_identifier(text))))
    }

    /// Returns the folded text to look up, or `None` if nothing can have it.
    #[must_use]
    pub fn folded(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(" sn-1 ", Some("SN-1"))]
    #[case("ＳＮ-1", Some("SN-1"))]
    #[case("none", Some("NONE"))]
    #[case("A\u{1}B", Some("A\u{1}B"))]
    #[case("A\0B", None)]
    #[case("", None)]
    #[case(" \u{3000}\u{FEFF}", None)]
    #[case("\u{FDFA}".repeat(65), None)]
    fn key_is_the_folded_text(#[case] text: impl AsRef<str>, #[case] folded: Option<&str>) {
        assert_eq!(IdentifierKey::new(text.as_ref()).folded(), folded);
    }
}
