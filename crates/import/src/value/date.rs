//! Dates as people write them.
//!
//! The order of day and month is decided for a column, never for a row: `03/04/2024` beside
//! `31/05/2024` is the third of April.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use devices_domain::{InvalidValue, Reason, trim};

use super::day_number::{date_of_number, day_number};
use crate::options::DateFormat;

/// Order of day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateOrder {
    DayFirst,
    MonthFirst,
}

/// Rows of a column that show the order of day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DateStatistics {
    /// First row with a date whose year is last.
    year_last: Option<u32>,
    /// First row whose first part is over 12.
    day_first: Option<u32>,
    /// First row whose second part is over 12.
    month_first: Option<u32>,
    /// First row with a date cell of a workbook.
    date_cell: Option<u32>,
    /// A date cell has a day over 12, which cannot be a swapped month.
    has_late_day: bool,
}

/// Order of a column, as its rows show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecidedOrder {
    /// No date needs an order.
    NotNeeded,
    Decided(DateOrder),
    /// No row shows the order of this one.
    Undecided(u32),
    /// Rows of both orders: day first, and month first.
    Contradictory(u32, u32),
}

impl DateStatistics {
    const MAX_MONTH: u32 = 12;
    const MAX_DAY: u32 = 31;

    /// Counts the text of a cell.
    pub(crate) fn add(&mut self, row: u32, text: &str) {
        let Some(date) = NumericDate::parse(trim(text)).filter(|date| !date.is_year_first()) else {
            return;
        };
        let [first, second] = [date.first.value, date.second.value];
        let is_day = |value| (1..=Self::MAX_DAY).contains(&value);
        if !is_day(first) || !is_day(second) || date.third.to_year().is_none() {
            return;
        }
        self.year_last.get_or_insert(row);
        if first > Self::MAX_MONTH {
            self.day_first.get_or_insert(row);
        }
        if second > Self::MAX_MONTH {
            self.month_first.get_or_insert(row);
        }
    }

    /// Counts a date cell of a workbook.
    pub(crate) fn add_date(&mut self, row: u32, date: NaiveDate) {
        self.date_cell.get_or_insert(row);
        self.has_late_day |= date.day() > Self::MAX_MONTH;
    }

    /// Returns the first row with a date whose day and month a spreadsheet may have swapped: it
    /// reads `03/04/2024` in the order of its language, and leaves `31/05/2024` as text.
    pub(crate) fn swapped_dates(&self) -> Option<u32> {
        let has_both = self.year_last.is_some() && !self.has_late_day;
        self.date_cell.filter(|_| has_both)
    }

    pub(crate) fn decide(&self) -> DecidedOrder {
        match (self.year_last, self.day_first, self.month_first) {
            (_, Some(day_first), Some(month_first)) => {
                DecidedOrder::Contradictory(day_first, month_first)
            }
            (_, Some(_), None) => DecidedOrder::Decided(DateOrder::DayFirst),
            (_, None, Some(_)) => DecidedOrder::Decided(DateOrder::MonthFirst),
            (Some(row), None, None) => DecidedOrder::Undecided(row),
            (None, None, None) => DecidedOrder::NotNeeded,
        }
    }
}

/// Returns whether a text is a date in both orders of day and month.
pub(super) fn is_two_way_date(text: &str) -> bool {
    let is_month = |part: DatePart| part.value <= DateStatistics::MAX_MONTH;
    NumericDate::parse(trim(text))
        .is_some_and(|date| !date.is_year_first() && is_month(date.first) && is_month(date.second))
}

/// Returns a date as `2024-05-31`, or the text of an ISO 8601 date unchanged.
///
/// # Errors
/// Rejects a day number without the format [`DateFormat::Excel`], and a text that is no date in
/// this format.
pub(super) fn read_date(
    text: &str,
    format: Option<DateFormat>,
    order: Option<DateOrder>,
    is_1904: bool,
) -> Result<Cow<'_, str>, InvalidValue> {
    let trimmed = trim(text);
    if trimmed.is_empty() || is_iso_8601(trimmed) {
        return Ok(text.into());
    }
    if let Some(number) = day_number(trimmed) {
        return date_of_number(number, format, is_1904).map(Cow::Owned);
    }
    let date = NumericDate::parse(trimmed).and_then(|date| date.to_date(format, order));
    date.map(|date| date.to_string().into())
        .ok_or_else(malformed_date)
}

/// Returns whether validation reads the text: it begins with `YYYY-MM-DD`.
fn is_iso_8601(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_date = |(index, byte): (usize, &u8)| match index {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    bytes.len() >= 10 && bytes[..10].iter().enumerate().all(is_date)
}

/// Error of a text or number that is no date. Recommends the form that has only one meaning: the
/// other dates of a corrected file no longer show the order of its days and months.
pub(super) fn malformed_date() -> InvalidValue {
    InvalidValue::new(
        Reason::Malformed,
        "must be a date that exists: write it as 2024-05-31, in the order year, month, day",
    )
}

/// Digits of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DatePart {
    value: u32,
    digits: usize,
}

/// A date of three numbers with separators, with or without a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NumericDate {
    first: DatePart,
    second: DatePart,
    third: DatePart,
}

impl NumericDate {
    /// Reads `3/4/24`, `03.04.2024`, `2024-04-03` and the like. Both separators must be the same,
    /// and a time is ignored.
    fn parse(text: &str) -> Option<Self> {
        let (first, rest) = DatePart::parse(text)?;
        let (separator, rest) = separator(rest)?;
        let (second, rest) = DatePart::parse(rest)?;
        let (other, rest) = self::separator(rest)?;
        let (third, rest) = DatePart::parse(rest)?;
        let has_year = |part: DatePart| matches!(part.digits, 2 | 4);
        let is_valid = separator == other
            && second.digits <= 2
            && (first.digits == 4 && third.digits <= 2
                || first.digits <= 2 && (has_year(third) || third.digits == 1));
        let date = Self {
            first,
            second,
            third,
        };
        (is_valid && is_time(rest)).then_some(date)
    }

    fn is_year_first(&self) -> bool {
        self.first.digits == 4
    }

    fn to_date(self, format: Option<DateFormat>, order: Option<DateOrder>) -> Option<NaiveDate> {
        let Self {
            first,
            second,
            third,
        } = self;
        let (year, month, day) = match (format, order) {
            (Some(DateFormat::Excel), _) => return None,
            (Some(DateFormat::YearFirst), _) => (first, second, third),
            _ if self.is_year_first() => (first, second, third),
            (Some(DateFormat::DayFirst), _) | (None, Some(DateOrder::DayFirst)) => {
                (third, second, first)
            }
            (Some(DateFormat::MonthFirst), _) | (None, Some(DateOrder::MonthFirst)) => {
                (third, first, second)
            }
            (None, None) => return None,
        };
        if day.digits > 2 {
            return None;
        }
        NaiveDate::from_ymd_opt(year.to_year()?, month.value, day.value)
    }
}

impl DatePart {
    /// Reads one to four digits, and returns the text after them.
    fn parse(text: &str) -> Option<(Self, &str)> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at(digits);
        let is_short = (1..=4).contains(&digits);
        let value = is_short.then(|| number.parse().ok()).flatten()?;
        Some((Self { value, digits }, rest))
    }

    /// Returns the year. Of two digits, 70 to 99 are in the 20th century.
    fn to_year(self) -> Option<i32> {
        let year = i32::try_from(self.value).ok()?;
        match self.digits {
            4 if year > 0 => Some(year),
            2 if year >= 70 => Some(1900 + year),
            2 => Some(2000 + year),
            _ => None,
        }
    }
}

/// Reads a separator, with or without spaces around it.
fn separator(text: &str) -> Option<(char, &str)> {
    let text = text.trim_start_matches(' ');
    let separator = text
        .chars()
        .next()
        .filter(|c| matches!(c, '/' | '.' | '-'))?;
    Some((separator, text[1..].trim_start_matches(' ')))
}

/// Returns whether a text after a date is nothing, or a time such as ` 10:00`, `T10:00:00Z` or
/// ` 12:00:00 AM`.
fn is_time(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some(time) = text.strip_prefix([' ', 'T', 't', ',']) else {
        return false;
    };
    let time = time.trim_start();
    let is_part = |c: char| c.is_ascii_digit() || ":.,+-ZTAPMzapm \u{202F}".contains(c);
    time.starts_with(|c: char| c.is_ascii_digit())
        && time.contains(':')
        && time.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(
        text: &str,
        format: Option<DateFormat>,
        order: Option<DateOrder>,
    ) -> Result<String, Reason> {
        read_date(text, format, order, false)
            .map(Cow::into_owned)
            .map_err(|invalid| invalid.reason)
    }

    fn decide(texts: &[&str]) -> DecidedOrder {
        let mut statistics = DateStatistics::default();
        for (row, text) in (2..).zip(texts) {
            statistics.add(row, text);
        }
        statistics.decide()
    }

    #[rstest]
    #[case("31/05/2024", "2024-05-31")]
    #[case("31.5.24", "2024-05-31")]
    #[case("31-05-2024", "2024-05-31")]
    #[case("3. 4. 2024", "2024-04-03")]
    #[case("01.02.70", "1970-02-01")]
    #[case("01.02.99", "1999-02-01")]
    #[case("01.02.69", "2069-02-01")]
    #[case("01.02.00", "2000-02-01")]
    #[case("31.05.2024 10:00", "2024-05-31")]
    #[case("31/05/2024 12:00:00 AM", "2024-05-31")]
    #[case("2024/05/31", "2024-05-31")]
    #[case("2024.5.1", "2024-05-01")]
    #[case("2024-05-31", "2024-05-31")]
    #[case(" 2024-05-31T10:00:00Z ", " 2024-05-31T10:00:00Z ")]
    #[case("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z")]
    #[case("", "")]
    fn date_with_day_first_is_read(#[case] text: &str, #[case] expected: &str) {
        let expected = Ok(expected.to_owned());
        assert_eq!(read(text, None, Some(DateOrder::DayFirst)), expected);
        assert_eq!(read(text, Some(DateFormat::DayFirst), None), expected);
    }

    #[rstest]
    #[case("05/31/2024", "2024-05-31")]
    #[case("1/23/23", "2023-01-23")]
    #[case("5-31-24", "2024-05-31")]
    #[case("2024/05/31", "2024-05-31")]
    fn date_with_month_first_is_read(#[case] text: &str, #[case] expected: &str) {
        let expected = Ok(expected.to_owned());
        assert_eq!(read(text, None, Some(DateOrder::MonthFirst)), expected);
        assert_eq!(read(text, Some(DateFormat::MonthFirst), None), expected);
    }

    #[rstest]
    #[case("24-05-31", Ok("2024-05-31"))]
    #[case("2024/5/1", Ok("2024-05-01"))]
    #[case("31/05/2024", Err(Reason::Malformed))]
    fn format_year_first_is_read(#[case] text: &str, #[case] expected: Result<&str, Reason>) {
        let read = read(text, Some(DateFormat::YearFirst), None);
        assert_eq!(read, expected.map(str::to_owned));
    }

    #[rstest]
    #[case("44927", "2023-01-01")]
    #[case("44927.75", "2023-01-01")]
    #[case("45443", "2024-05-31")]
    #[case("2024-05-31", "2024-05-31")]
    fn format_excel_reads_days(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(
            read(text, Some(DateFormat::Excel), None),
            Ok(expected.to_owned())
        );
    }

    #[rstest]
    #[case("44927")]
    #[case("44927.5")]
    fn day_number_without_format_is_rejected(#[case] text: &str) {
        for format in [None, Some(DateFormat::DayFirst)] {
            assert_eq!(read(text, format, None), Err(Reason::SpreadsheetNumber));
        }
    }

    #[rstest]
    #[case("30.02.2024")]
    #[case("13/13/2024")]
    #[case("31/05")]
    #[case("31/05-2024")]
    #[case("31/05/2024x")]
    #[case("31/05/2024 noon")]
    #[case("1/2/3")]
    #[case("1/2/345")]
    #[case("123/1/2024")]
    #[case("00.00.0000")]
    #[case("2024")]
    #[case("20240531")]
    #[case("yesterday")]
    #[case("n/a")]
    #[case("٣١/٠٥/٢٠٢٤")]
    fn other_text_is_malformed(#[case] text: &str) {
        for format in [
            DateFormat::DayFirst,
            DateFormat::MonthFirst,
            DateFormat::YearFirst,
        ] {
            assert_eq!(read(text, Some(format), None), Err(Reason::Malformed));
        }
    }

    #[test]
    fn swapped_dates_are_found() {
        let day = |text: &str| text.parse().unwrap();
        let mut statistics = DateStatistics::default();
        statistics.add_date(2, day("2024-04-03"));
        assert_eq!(statistics.swapped_dates(), None, "all are dates");
        statistics.add(3, "31/05/2024");
        assert_eq!(statistics.swapped_dates(), Some(2));
        statistics.add_date(4, day("2024-05-13"));
        assert_eq!(statistics.swapped_dates(), None);
    }

    #[test]
    fn order_is_decided_by_the_column() {
        use DateOrder::{DayFirst, MonthFirst};
        use DecidedOrder::{Contradictory, Decided, NotNeeded, Undecided};

        assert_eq!(decide(&["03/04/2024", "31/05/2024"]), Decided(DayFirst));
        assert_eq!(decide(&["1/23/23", "03/04/2024"]), Decided(MonthFirst));
        assert_eq!(
            decide(&["", "n/a", "03/04/2024", "05/05/2024"]),
            Undecided(4)
        );
        assert_eq!(decide(&["31.05.2024", "05.31.2024"]), Contradictory(2, 3));
        assert_eq!(decide(&["13/13/2024"]), Contradictory(2, 2));
        assert_eq!(
            decide(&[
                "",
                "2024-05-31",
                "2024/5/1",
                "44927",
                "99/99/2024",
                "00/05/2024",
                "1/2/3"
            ]),
            NotNeeded
        );
    }
}
