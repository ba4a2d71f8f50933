//! Dates.

use chrono::NaiveDate;
use serde::Serialize;

use super::iso_8601::{Iso8601, is_never};
use super::{FieldValue, Format, InvalidValue, RawValue, is_empty_value, sanitize};
use crate::validation::error::Reason;

/// A date in the years 0001 to 9999.
///
/// Accepts an ISO 8601 date (`2024-05-31`) or date and time (`2024-05-31T10:00:00Z`), of which it
/// keeps the date as written, without converting the offset. Every notation of an offset is
/// accepted (`Z`, `+00`, `+0000`, `+00:00`). A field with a date of the year 1, the "never" of .NET
/// and Go, has no value. Serializes as `2024-05-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Date(NaiveDate);

impl Date {
    /// Wraps a date that is known to be valid, such as a stored one, without validation.
    #[must_use]
    pub fn from_trusted(date: NaiveDate) -> Self {
        Self(date)
    }

    /// Returns the date as a chrono type.
    #[must_use]
    pub fn to_naive(self) -> NaiveDate {
        self.0
    }
}

impl FieldValue for Date {
    const FORMAT: Format = Format::Date;

    fn is_absent(raw: &RawValue<'_>) -> bool {
        is_empty_value(raw) || is_never(raw)
    }

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        match Iso8601::parse(sanitize(raw)?) {
            Some(parsed) => Ok(Self(parsed.date)),
            None => Err(InvalidValue::new(
                Reason::Malformed,
                "must be a date that exists, in ISO 8601, such as \"2024-05-31\"",
            )),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::field::FieldType;

    fn parse(text: &str) -> Result<String, Reason> {
        Date::parse(&RawValue::text(text))
            .map(|date| date.0.to_string())
            .map_err(|invalid| invalid.reason)
    }

    #[rstest]
    #[case("2024-05-31")]
    #[case(" 2024-05-31 ")]
    #[case("2024-05-31T10:00")]
    #[case("2024-05-31T10:00:00")]
    #[case("2024-05-31t10:00:00z")]
    #[case("2024-05-31 10:00:00")]
    #[case("2024-05-31T10:00:00.123Z")]
    #[case("2024-05-31T10:00:00,123456789Z")]
    #[case("2024-05-31T23:59:60Z")]
    #[case("2024-05-31T23:30:00-11:00")]
    #[case("2024-05-31T00:30:00+1100")]
    #[case("2024-05-31T00:30+11")]
    #[case("2024-05-31T00:30-1130")]
    #[case("2024-05-31T00:30\u{2212}11:30")]
    #[case("2024-05-31 10:00:00 +0200")]
    #[case("\u{FEFF}2024-05-31")]
    fn date_is_read_as_written(#[case] sent: &str) {
        assert_eq!(parse(sent).as_deref(), Ok("2024-05-31"));
    }

    #[rstest]
    #[case("2023-02-29")]
    #[case("2024-13-01")]
    #[case("2024-00-10")]
    #[case("0000-01-01")]
    #[case("2024-5-1")]
    #[case("+2024-05-01")]
    #[case("12024-05-01")]
    #[case("31/05/2024")]
    #[case("01/02/2024")]
    #[case("45123")]
    #[case("0000-00-00")]
    #[case("0000-01-01T00:00:00Z")]
    #[case("2024-05-31T10")]
    #[case("2024-05-31T10:00.5")]
    #[case("2024-05-31T10:00:00:00")]
    #[case("2024-05-31T10:00:61")]
    #[case("2024-05-31T10:00:00+0060")]
    #[case("2024-05-31T10:00:00+00000")]
    #[case("2024-05-31T10:00:00Z+00:00")]
    #[case("2024-05-31T10:00:00  +0200")]
    #[case("20240531")]
    #[case("2024-W22-5")]
    #[case("yesterday")]
    #[case("2024-05-31T")]
    #[case("2024-05-31Z")]
    #[case("2024-05-31T25:00")]
    #[case("2024-05-31T10:60:00")]
    #[case("2024-05-31T1:00:00")]
    #[case("2024-05-31T10:00:00.")]
    #[case("2024-05-31T10:00:00+24:00")]
    #[case("2024-05-31T10:00:00+1:00")]
    #[case("2024-05-31T10:00:00+01:")]
    #[case("2024-05-31T10:00:00 UTC")]
    #[case("２０２４-05-31")]
    #[case("2024-05-3é")]
    fn malformed_date_is_rejected(#[case] sent: &str) {
        assert_eq!(parse(sent), Err(Reason::Malformed), "{sent}");
    }

    #[rstest]
    #[case("0001-01-01")]
    #[case("0001-01-01T00:00:00")]
    #[case("0001-01-01T00:00:00Z")]
    #[case("0001-01-01T00:00:00.0000000+01:00")]
    #[case("0001-01-01 00:00:00-0800")]
    #[case(" 0001-12-31T23:59 ")]
    fn year_one_is_absent(#[case] sent: &str) {
        let raw = RawValue::text(sent);
        let read = Option::<Date>::read(&raw, &mut |_, invalid| panic!("{invalid:?}"));
        assert_eq!(read, Some(None));
    }
}
