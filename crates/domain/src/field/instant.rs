//! Points in time.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use serde::Serialize;

use super::iso_8601::{Iso8601, is_never};
use super::{Date, FieldValue, Format, InvalidValue, RawValue, is_empty_value, sanitize};
use crate::validation::error::Reason;

/// A point in time in the years 0001 to 9999, with microsecond precision.
///
/// Accepts an ISO 8601 date and time with an offset in any notation (`2024-05-31T10:00:00Z`,
/// `2024-05-31T12:00:00.5+02:00`, `2024-05-31 10:00+0000`). Seconds are optional. A field with an
/// instant of the year 1, the "never" of .NET and Go, has no value. Serializes in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// Wraps an instant that is known to be valid, such as a stored one, without validation.
    #[must_use]
    pub fn from_trusted(instant: DateTime<Utc>) -> Self {
        Self(instant)
    }

    /// Parses the text of a filter: an instant, or a date, which stands for its midnight in UTC.
    ///
    /// # Errors
    /// The error of an instant if the text is neither.
    pub fn parse_or_date(text: &str) -> Result<Self, InvalidValue> {
        let raw = RawValue::text(text);
        match (Self::parse(&raw), Date::parse(&raw)) {
            // A date field also accepts an instant, and one without an offset.
            (Err(_), Ok(date)) if !text.contains(['T', 't', ' ']) => {
                let midnight = date.to_naive().and_time(NaiveTime::MIN);
                Ok(Self(midnight.and_utc()))
            }
            (instant, _) => instant,
        }
    }

    /// Returns the start of the year 0001.
    fn first() -> DateTime<Utc> {
        NaiveDate::from_ymd_opt(1, 1, 1)
            .expect("a valid date")
            .and_time(NaiveTime::MIN)
            .and_utc()
    }

    /// Returns the instant as a chrono type.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        self.0
    }
}

impl FieldValue for Instant {
    const FORMAT: Format = Format::Instant;

    fn is_absent(raw: &RawValue<'_>) -> bool {
        is_empty_value(raw) || is_never(raw)
    }

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let malformed = || {
            InvalidValue::new(
                Reason::Malformed,
                "must be an ISO 8601 date and time with an offset, \
                 such as \"2024-05-31T10:00:00Z\"",
            )
        };
        let parsed = Iso8601::parse(sanitize(raw)?).ok_or_else(malformed)?;
        let Some((time, Some(offset))) = parsed.time else {
            return Err(malformed());
        };
        parsed
            .date
            .and_time(time)
            .checked_sub_offset(offset)
            // PostgreSQL stores microseconds, and no leap seconds.
            .map(|instant| instant.and_utc().timestamp_micros())
            .and_then(DateTime::from_timestamp_micros)
            .filter(|instant| instant.year() <= 9999)
            // An offset can lead into the year before 0001.
            .map(|instant| Self(instant.max(Self::first())))
            .ok_or_else(malformed)
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.0.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::field::FieldType;

    #[rstest]
    #[case("2024-05-31T10:00:00Z", "2024-05-31T10:00:00+00:00")]
    #[case("2024-05-31t10:00:00z", "2024-05-31T10:00:00+00:00")]
    #[case(" 2024-05-31T12:00:00.5+02:00 ", "2024-05-31T10:00:00.500+00:00")]
    #[case("2024-05-31 10:00:00.123456789Z", "2024-05-31T10:00:00.123456+00:00")]
    #[case("2021-03-29T12:44:12.595+0000", "2021-03-29T12:44:12.595+00:00")]
    #[case("2021-03-29T12:44:12,595+00", "2021-03-29T12:44:12.595+00:00")]
    #[case("2021-03-29T12:44Z", "2021-03-29T12:44:00+00:00")]
    #[case("2021-03-29 12:44-0530", "2021-03-29T18:14:00+00:00")]
    #[case("2021-03-29 12:44:12 +0100", "2021-03-29T11:44:12+00:00")]
    #[case("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00")]
    #[case("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999+00:00")]
    #[case("0001-01-01T00:30:00+01:00", "0001-01-01T00:00:00+00:00")]
    fn instant_is_converted_to_utc(#[case] sent: &str, #[case] stored: &str) {
        let instant = Instant::parse(&RawValue::text(sent)).unwrap();
        assert_eq!(instant.to_utc().to_rfc3339(), stored);
        assert_eq!(Instant::parse(&instant.to_raw()), Ok(instant));
    }

    #[rstest]
    #[case("2024-05-31", Some("2024-05-31T00:00:00+00:00"))]
    #[case("2024-05-31T12:00:00+02:00", Some("2024-05-31T10:00:00+00:00"))]
    #[case("2024-05-31T10:00:00", None)]
    #[case("yesterday", None)]
    fn date_stands_for_its_midnight(#[case] text: &str, #[case] expected: Option<&str>) {
        let instant = Instant::parse_or_date(text).ok();
        let instant = instant.map(|instant| instant.to_utc().to_rfc3339());
        assert_eq!(instant.as_deref(), expected);
    }

    #[rstest]
    #[case("2024-05-31")]
    #[case("2024-05-31T10:00:00")]
    #[case("2024-02-30T10:00:00Z")]
    #[case("0000-05-31T10:00:00Z")]
    #[case("2024-05-31 10:00:00")]
    #[case("2024-05-31T10:00:00 UTC")]
    #[case("2024-05-31T10Z")]
    #[case("9999-12-31T23:59:59-01:00")]
    #[case("9999-12-31T23:59:60Z")]
    #[case("yesterday")]
    fn malformed_instant_is_rejected(#[case] sent: &str) {
        assert!(Instant::parse(&RawValue::text(sent)).is_err(), "{sent}");
    }

    #[rstest]
    #[case("0001-01-01T00:00:00Z")]
    #[case("0001-01-01T00:00:00+0000")]
    #[case("0001-01-01T00:00:00+01:00")]
    #[case("0001-01-01")]
    #[case("0001-01-01T00:00:00")]
    fn year_one_is_absent(#[case] sent: &str) {
        let raw = RawValue::text(sent);
        let read = Option::<Instant>::read(&raw, &mut |_, invalid| panic!("{invalid:?}"));
        assert_eq!(read, Some(None));
    }
}
