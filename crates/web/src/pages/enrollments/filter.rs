//! Filter of the list of enrolments.

use devices_domain::{EnrollmentFilter, IdentifierKey, Instant};

use crate::query::Pairs;
use crate::texts::EN;

/// Filter of the query, with the texts that the form shows.
pub(super) struct Filter {
    /// `true`, `false` or empty.
    pub(super) linked: String,
    pub(super) serial_number: String,
    pub(super) updated_since: String,
    /// Error of `updated_since`.
    pub(super) error: Option<&'static str>,
    pub(super) conditions: EnrollmentFilter,
}

impl Filter {
    /// Reads the filter. A date that is none is an error, since the list would show too much.
    pub(super) fn read(query: &Pairs) -> Self {
        let text = |name| query.get(name).unwrap_or_default().to_owned();
        let updated_since = query.get("updated_since");
        let since = updated_since.and_then(|text| Instant::parse_or_date(text).ok());
        let is_wrong = updated_since.is_some() && since.is_none();
        Self {
            linked: text("linked"),
            serial_number: text("serial_number"),
            updated_since: text("updated_since"),
            error: is_wrong.then_some(EN.enrollments.wrong_date),
            conditions: EnrollmentFilter {
                linked: query.get("linked").and_then(|linked| linked.parse().ok()),
                serial_number: query.get("serial_number").map(IdentifierKey::new),
                updated_since: since.map(Instant::to_utc),
            },
        }
    }

    /// Returns whether the list shows all enrolments.
    pub(super) fn is_empty(&self) -> bool {
        self.error.is_none() && self.conditions == EnrollmentFilter::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_date_is_an_error() {
        let read = |text| Filter::read(&Pairs::parse(text).unwrap());
        assert!(read(b"updated_since=yesterday").error.is_some());
        let filter = read(b"updated_since=2026-01-31&linked=false&serial_number=");
        assert_eq!(filter.conditions.linked, Some(false));
        assert_eq!(filter.conditions.serial_number, None);
        let since = filter.conditions.updated_since.unwrap();
        assert_eq!(since.to_rfc3339(), "2026-01-31T00:00:00+00:00");
        assert!(!filter.is_empty());
        assert!(read(b"linked=").is_empty());
    }
}
