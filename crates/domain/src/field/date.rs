//! Dates.

use chrono::{NaiveDate, NaiveTime};
use serde::Serialize;

use super::{FieldValue, Format, InvalidValue, RawValue, sanitize};
use crate::validation::error::Reason;

/// A date in the years 0001 to 9999.
///
/// Accepts an ISO 8601 date (`2024-05-31`) or date and time (`2024-05-31T10:00:00Z`), of which it
/// keeps the date as written, without converting the offset. Serializes as `2024-05-31`.
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

    /// Parses an ISO 8601 date, or date and time.
    fn from_iso_8601(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked("YYYY-MM-DD".len())?;
        let (year, rest_of_date) = date.split_at_checked(4)?;
        let (month, day) = rest_of_date.strip_prefix('-')?.split_once('-')?;
        let year = i32::try_from(parse_digits(year, 4)?)
            .ok()
            .filter(|year| *year > 0)?;
        let date = NaiveDate::from_ymd_opt(year, parse_digits(month, 2)?, parse_digits(day, 2)?)?;
        match rest.strip_prefix(['T', 't', ' ']) {
            Some(time) => is_time(time).then_some(Self(date)),
            None => rest.is_empty().then_some(Self(date)),
        }
    }
}

/// Parses a number of exactly `digits` ASCII digits.
fn parse_digits(text: &str, digits: usize) -> Option<u32> {
    let all_digits = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| all_digits)
}

/// Returns whether `text` is `hh:mm[:ss[.fraction]]`, with or without an offset (`Z`, `+hh`,
/// `+hh:mm`, `+hhmm`).
fn is_time(text: &str) -> bool {
    let (time, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, "Z"),
    };
    let offset_is_valid = match offset.strip_prefix(['+', '-']) {
        None => offset.eq_ignore_ascii_case("Z"),
        Some(offset) => {
            let minutes = offset.get(2..).unwrap_or("none");
            let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
            let hours = offset.get(..2).and_then(|hours| parse_digits(hours, 2));
            hours.is_some_and(|hours| hours < 24)
                && (offset.len() == 2
                    || parse_digits(minutes, 2).is_some_and(|minutes| minutes < 60))
        }
    };
    // chrono accepts one digit where ISO 8601 requires two.
    let has_two_digits_each = time
        .split(['.', ','])
        .next()
        .is_some_and(|whole| whole.split(':').all(|part| parse_digits(part, 2).is_some()));
    let time = time.replacen(',', ".", 1);
    let time_is_valid = ["%H:%M:%S%.f", "%H:%M"]
        .iter()
        .any(|format| NaiveTime::parse_from_str(&time, format).is_ok());
    offset_is_valid && has_two_digits_each && time_is_valid
}

impl FieldValue for Date {
    const FORMAT: Format = Format::Date;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        Self::from_iso_8601(sanitize(raw)?).ok_or_else(|| {
            InvalidValue::new(
                Reason::Malformed,
                "must be a date that exists, in ISO 8601, such as \"2024-05-31\"",
            )
        })
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

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
}
