//! Numbers of workbooks, and numbers that a spreadsheet shortened.

use devices_domain::{InvalidValue, Reason, trim};

/// Smallest number that has more than the 15 digits that a spreadsheet keeps.
pub(crate) const FIRST_INEXACT: f64 = 1e15;

/// Returns a number without an exponent: a whole one without decimals, any other with the fewest
/// decimals that identify it by 15 digits. Spreadsheets show as many: the others are what a
/// calculation leaves behind.
pub(crate) fn number_text(number: f64) -> String {
    let rounded = if number.fract() == 0.0 {
        number
    } else {
        format!("{number:.14e}").parse().unwrap_or(number)
    };
    // Not "-0".
    format!("{}", rounded + 0.0)
}

/// Returns the digits of a number in a column of identifiers.
///
/// # Errors
/// Rejects numbers with decimals, and those with more than 15 digits: the spreadsheet has replaced
/// the digits after the 15th by zeros, so that a format as text would return other ones.
pub(super) fn identifier_text(number: f64) -> Result<String, InvalidValue> {
    if number.fract() == 0.0 && number.abs() < FIRST_INEXACT {
        Ok(number_text(number))
    } else {
        Err(lost_digits())
    }
}

/// Returns the text of a number in any other column of texts.
///
/// # Errors
/// Rejects whole numbers with more than 15 digits.
pub(super) fn plain_text(number: f64) -> Result<String, InvalidValue> {
    if number.is_finite() && number.abs() < FIRST_INEXACT {
        Ok(number_text(number))
    } else {
        Err(lost_digits())
    }
}

/// Returns whether a spreadsheet shortened a number to scientific notation: `1.23E+11`, `1,23E+11`.
///
/// Requires the plus sign, which spreadsheets always write: `1E10` and `12E45678` are serial
/// numbers.
pub(super) fn is_shortened_number(text: &str) -> bool {
    let Some((mantissa, exponent)) = trim(text).split_once('+') else {
        return false;
    };
    let Some(mantissa) = mantissa.strip_suffix(['E', 'e']) else {
        return false;
    };
    let (integer, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !integer.is_empty()
        && is_digits(integer)
        && is_digits(fraction)
        && is_digits(exponent)
        && matches!(exponent.len(), 1..=3)
}

/// Returns a number in the notation of [`is_shortened_number`], which is rejected again.
pub(super) fn shortened_text(number: f64) -> String {
    format!("{number:E}").replacen('E', "E+", 1)
}

/// Error of a number whose digits are lost.
pub(super) fn lost_digits() -> InvalidValue {
    InvalidValue::new(
        Reason::SpreadsheetNumber,
        "was shortened by a spreadsheet, and its digits are lost: format the column as text and \
         paste the original again",
    )
}

/// Error of a date or boolean in a column of identifiers: a spreadsheet makes a date of `FEB1`.
pub(super) fn converted(kind: &str) -> InvalidValue {
    InvalidValue::new(
        Reason::SpreadsheetNumber,
        format!(
            "was changed to {kind} by a spreadsheet: format the column as text and enter the \
             original again"
        ),
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, "0")]
    #[case(-0.0, "0")]
    #[case(13.3, "13.3")]
    #[case(100_000.0, "100000")]
    #[case(123_456_789_012_345.0, "123456789012345")]
    #[case(0.1 + 0.2, "0.3")]
    #[case(1.1 * 3.0, "3.3")]
    #[case(-0.123_456_789_012_345, "-0.123456789012345")]
    #[case(123_456.789_012_345_6, "123456.789012346")]
    #[case(1.0 / 3.0, "0.333333333333333")]
    fn number_has_no_exponent(#[case] number: f64, #[case] text: &str) {
        assert_eq!(number_text(number), text);
    }

    #[rstest]
    #[case(1.0, Some("1"))]
    #[case(-5.0, Some("-5"))]
    #[case(999_999_999_999_999.0, Some("999999999999999"))]
    #[case(1_000_000_000_000_000.0, None)]
    #[case(1_234_567_890_123_456_789.0, None)]
    #[case(12.5, None)]
    #[case(1.23e300, None)]
    #[case(f64::NAN, None)]
    #[case(f64::INFINITY, None)]
    fn identifier_has_at_most_15_digits(#[case] number: f64, #[case] text: Option<&str>) {
        let read = identifier_text(number);
        assert_eq!(read.as_deref().ok(), text);
        if let Err(invalid) = read {
            assert_eq!(invalid.reason, Reason::SpreadsheetNumber);
        }
    }

    #[test]
    fn text_keeps_decimals_but_not_16_digits() {
        assert_eq!(plain_text(13.3).as_deref(), Ok("13.3"));
        assert!(plain_text(1e15).is_err());
        assert!(plain_text(f64::NAN).is_err());
    }

    #[rstest]
    #[case("1.23E+11", true)]
    #[case("1,23E+11", true)]
    #[case(" 8.96529e+19 ", true)]
    #[case("1E+11", true)]
    #[case("1E10", false)]
    #[case("12E45678", false)]
    #[case("E+11", false)]
    #[case("1.2.3E+11", false)]
    #[case("1.23E+", false)]
    #[case("A1E+11", false)]
    fn scientific_notation_is_detected(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_shortened_number(text), expected);
    }
}
