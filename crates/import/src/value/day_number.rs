//! Dates as the number of days that a spreadsheet stores.

use chrono::{Days, NaiveDate};
use devices_domain::{InvalidValue, Reason};

use super::date::malformed_date;
use crate::options::DateFormat;

/// Returns the date of a number of days.
///
/// # Errors
/// Rejects it without the format [`DateFormat::Excel`]: it may be anything else.
pub(super) fn date_of_number(
    number: f64,
    format: Option<DateFormat>,
    is_1904: bool,
) -> Result<String, InvalidValue> {
    if format != Some(DateFormat::Excel) {
        return Err(InvalidValue::new(
            Reason::SpreadsheetNumber,
            "is a number and not a date: format the column as a date and export it again, or give \
             `date_format` excel if it counts days",
        ));
    }
    let date = excel_date(number, is_1904).map(|date| date.to_string());
    date.ok_or_else(malformed_date)
}

/// Returns the day of a number of the 1900 or the 1904 system. A fraction is the time of the day.
fn excel_date(number: f64, is_1904: bool) -> Option<NaiveDate> {
    /// The last day that a spreadsheet knows: the end of the year 9999.
    const MAX_DAYS: f64 = 2_958_465.0;
    /// Lotus 1-2-3 took 1900 for a leap year, and Excel keeps this day: 29 February 1900.
    const LOTUS_LEAP_DAY: u64 = 60;

    if !(0.0..MAX_DAYS + 1.0).contains(&number) {
        return None;
    }
    let days = number as u64;
    let (year, month, day) = match days {
        _ if is_1904 => (1904, 1, 1),
        0 | LOTUS_LEAP_DAY => return None,
        1..LOTUS_LEAP_DAY => (1899, 12, 31),
        _ => (1899, 12, 30),
    };
    let date = NaiveDate::from_ymd_opt(year, month, day)?.checked_add_days(Days::new(days))?;
    (date.to_string().len() == "9999-12-31".len()).then_some(date)
}

/// Returns the number of a text such as `44927` or `44927.5`, if it can be that of a day. A year
/// has four digits, and a date without separators eight.
pub(super) fn day_number(text: &str) -> Option<f64> {
    let (days, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = days.len() == 5 && is_digits(days) && is_digits(fraction);
    is_number.then(|| days.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_in_both_systems() {
        let date = |number, is_1904| excel_date(number, is_1904).map(|date| date.to_string());
        assert_eq!(date(1.0, false).as_deref(), Some("1900-01-01"));
        assert_eq!(date(59.0, false).as_deref(), Some("1900-02-28"));
        assert_eq!(date(60.0, false), None);
        assert_eq!(date(61.0, false).as_deref(), Some("1900-03-01"));
        assert_eq!(date(43_465.0, true).as_deref(), Some("2023-01-01"));
        assert_eq!(date(2_958_465.9, false).as_deref(), Some("9999-12-31"));
        for number in [-1.0, 0.0, 2_958_466.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(date(number, false), None, "{number}");
        }
        assert_eq!(date(2_958_465.0, true), None);
    }

    #[test]
    fn number_without_format_is_rejected() {
        for format in [None, Some(DateFormat::DayFirst)] {
            let invalid = date_of_number(44_927.0, format, false).unwrap_err();
            assert_eq!(invalid.reason, Reason::SpreadsheetNumber);
        }
    }

    #[test]
    fn number_of_five_digits_is_a_day() {
        assert_eq!(day_number("44927"), Some(44_927.0));
        assert_eq!(day_number("44927,5"), Some(44_927.0));
        for text in ["2024", "20240531", "449.27", "4492a", "", "-4492"] {
            assert_eq!(day_number(text), None, "{text}");
        }
    }
}
