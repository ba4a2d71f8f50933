//! Search keys for serial numbers.

use compact_str::CompactString;

use super::{FieldValue, RawValue, SerialNumber};

/// Key that finds devices and enrolments by their serial number, compared by its folded form.
///
/// Every text is a key. A text that is not a valid serial number can still find an object that an
/// earlier version stored, when fewer texts were placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialNumberKey(Option<CompactString>);

impl SerialNumberKey {
    /// Creates the key of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let serial_number = SerialNumber::parse(&RawValue::text(text))
            .unwrap_or_else(|_| SerialNumber::from_trusted(text.trim()));
        let folded = serial_number.folded();
        // No version stored a NUL, and PostgreSQL accepts none in the values of a query.
        let can_exist = !folded.is_empty() && !folded.contains('\0');
        Self(can_exist.then(|| CompactString::new(folded)))
    }

    /// Returns the [folded](SerialNumber::folded) text to look up, or `None` if nothing can have
    /// it.
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
    #[case(" \u{3000}", None)]
    fn key_is_the_folded_text(#[case] text: &str, #[case] folded: Option<&str>) {
        assert_eq!(SerialNumberKey::new(text).folded(), folded);
    }
}
