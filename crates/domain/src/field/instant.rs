//! Points in time.

use chrono::{DateTime, Datelike, Utc};
use serde::Serialize;

use super::{FieldValue, Format, InvalidValue, RawValue, sanitize};
use crate::validation::error::Reason;

/// A point in time in the years 0001 to 9999, with microsecond precision.
///
/// Accepts an RFC 3339 date and time with an offset (`2024-05-31T10:00:00Z`,
/// `2024-05-31T12:00:00.5+02:00`). Serializes in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// Wraps an instant that is known to be valid, such as a stored one, without validation.
    #[must_use]
    pub fn from_trusted(instant: DateTime<Utc>) -> Self {
        Self(instant)
    }

    /// Returns the instant as a chrono type.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        self.0
    }
}

impl FieldValue for Instant {
    const FORMAT: Format = Format::Instant;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let parsed = DateTime::parse_from_rfc3339(sanitize(raw)?).ok();
        parsed
            // PostgreSQL stores microseconds, and no leap seconds.
            .map(|instant| instant.timestamp_micros())
            .and_then(DateTime::from_timestamp_micros)
            .filter(|instant| (1..=9999).contains(&instant.year()))
            .map(Self)
            .ok_or_else(|| {
                InvalidValue::new(
                    Reason::Malformed,
                    "must be an ISO 8601 date and time with an offset, \
                     such as \"2024-05-31T10:00:00Z\"",
                )
            })
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.0.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2024-05-31T10:00:00Z", "2024-05-31T10:00:00+00:00")]
    #[case("2024-05-31t10:00:00z", "2024-05-31T10:00:00+00:00")]
    #[case(" 2024-05-31T12:00:00.5+02:00 ", "2024-05-31T10:00:00.500+00:00")]
    #[case("2024-05-31 10:00:00.123456789Z", "2024-05-31T10:00:00.123456+00:00")]
    fn instant_is_converted_to_utc(#[case] sent: &str, #[case] stored: &str) {
        let instant = Instant::parse(&RawValue::text(sent)).unwrap();
        assert_eq!(instant.to_utc().to_rfc3339(), stored);
        assert_eq!(Instant::parse(&instant.to_raw()), Ok(instant));
    }

    #[rstest]
    #[case("2024-05-31")]
    #[case("2024-05-31T10:00:00")]
    #[case("2024-02-30T10:00:00Z")]
    #[case("0000-05-31T10:00:00Z")]
    #[case("0001-01-01T00:30:00+01:00")]
    #[case("9999-12-31T23:59:60Z")]
    #[case("yesterday")]
    fn malformed_instant_is_rejected(#[case] sent: &str) {
        assert!(Instant::parse(&RawValue::text(sent)).is_err(), "{sent}");
    }
}
