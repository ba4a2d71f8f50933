//! ISO 8601 dates and times.

use chrono::{FixedOffset, NaiveDate, NaiveTime};

use super::RawValue;
use super::sanitize::{is_digits, trim};

/// A date of the years 0001 to 9999, with or without a time, with or without an offset.
///
/// The date is `YYYY-MM-DD`, the separator `T`, `t` or a space, and the time `hh:mm[:ss[.f]]`, with
/// a point or a comma before the fraction. The offset is `Z`, `z`, `+hh`, `+hh:mm` or `+hhmm`. A
/// space before a numeric offset is accepted, because Ruby and Git write it.
pub(super) struct Iso8601 {
    pub(super) date: NaiveDate,
    pub(super) time: Option<(NaiveTime, Option<FixedOffset>)>,
}

impl Iso8601 {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked("YYYY-MM-DD".len())?;
        let date = parse_date(date)?;
        let time = match rest.strip_prefix(['T', 't', ' ']) {
            Some(time) => Some(parse_time_and_offset(time)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { date, time })
    }
}

/// Returns whether a value is a date, with or without a time, in the year 1: .NET and Go write the
/// first instant of their calendar (`0001-01-01T00:00:00Z`) for "never". An offset does not matter.
pub(super) fn is_never(raw: &RawValue<'_>) -> bool {
    match raw {
        RawValue::Text(text) => {
            let text = trim(text);
            text.starts_with("0001-") && Iso8601::parse(text).is_some()
        }
        _ => false,
    }
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let &[ref year @ .., b'-', m0, m1, b'-', d0, d1] = text.as_bytes() else {
        return None;
    };
    let year = i32::try_from(parse_digits(year, 4)?).ok()?;
    let (month, day) = (parse_digits([m0, m1], 2)?, parse_digits([d0, d1], 2)?);
    (year > 0).then_some(NaiveDate::from_ymd_opt(year, month, day)?)
}

fn parse_time_and_offset(text: &str) -> Option<(NaiveTime, Option<FixedOffset>)> {
    let (time, offset) = match text.find(['Z', 'z', '+', '-', '\u{2212}']) {
        Some(at) => text.split_at(at),
        None => return Some((parse_time(text)?, None)),
    };
    let is_numeric = !offset.starts_with(['Z', 'z']);
    let time = time
        .strip_suffix(' ')
        .filter(|_| is_numeric)
        .unwrap_or(time);
    Some((parse_time(time)?, Some(parse_offset(offset)?)))
}

/// Parses `hh:mm`, or `hh:mm:ss` with or without a fraction. The second 60 is a leap second.
fn parse_time(text: &str) -> Option<NaiveTime> {
    let mut parts = text.splitn(3, ':');
    let hour = parse_digits(parts.next()?, 2)?;
    let minute = parse_digits(parts.next()?, 2)?;
    let (second, nanosecond) = match parts.next() {
        Some(second) => match second.split_once(['.', ',']) {
            Some((second, fraction)) => (parse_digits(second, 2)?, parse_nanoseconds(fraction)?),
            None => (parse_digits(second, 2)?, 0),
        },
        None => (0, 0),
    };
    // chrono represents a leap second as second 59 with a fraction above one.
    let (second, nanosecond) = match second {
        60 => (59, nanosecond + 1_000_000_000),
        _ => (second, nanosecond),
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanosecond)
}

/// Parses the decimals of a second. Further digits than nine are dropped.
fn parse_nanoseconds(fraction: &str) -> Option<u32> {
    let digits = fraction.get(..9).unwrap_or(fraction);
    let nanoseconds = format!("{digits:0<9}").parse().ok();
    nanoseconds.filter(|_| is_digits(fraction))
}

/// Parses `Z`, `+hh`, `+hh:mm` or `+hhmm`.
fn parse_offset(text: &str) -> Option<FixedOffset> {
    if text.eq_ignore_ascii_case("Z") {
        return FixedOffset::east_opt(0);
    }
    let digits = text.strip_prefix(['+', '-', '\u{2212}'])?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = match minutes.strip_prefix(':') {
        Some(minutes) => parse_digits(minutes, 2)?,
        None if minutes.is_empty() => 0,
        None => parse_digits(minutes, 2)?,
    };
    let hours = parse_digits(hours, 2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    if text.starts_with('+') {
        FixedOffset::east_opt(seconds)
    } else {
        FixedOffset::west_opt(seconds)
    }
}

/// Parses a number of exactly `count` ASCII digits.
fn parse_digits(text: impl AsRef<[u8]>, count: usize) -> Option<u32> {
    let digits = text.as_ref();
    if digits.len() != count {
        return None;
    }
    let append = |number, digit: &u8| {
        let value = char::from(*digit).to_digit(10)?;
        Some(number * 10 + value)
    };
    digits.iter().try_fold(0, append)
}
