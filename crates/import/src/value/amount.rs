//! Amounts of money as people write them.

use std::borrow::Cow;

use devices_domain::{InvalidValue, Reason, trim};

use super::currency::{is_currency, is_currency_character};
use super::number::number_text;
use crate::options::DecimalMark;

/// Maximum number of decimals of an amount.
const MAX_DECIMALS: usize = 2;

/// Digits between two separators of thousands.
const GROUP: usize = 3;

/// Longest text that is read as an amount, in bytes. Bounds the time of a comparison.
const MAX_BYTES: usize = 100;

/// Returns an amount with a decimal point and without a currency and thousands separators.
///
/// Returns the text unchanged if it is no amount, or has more than one reading: validation rejects
/// it.
///
/// # Errors
/// Rejects a text that validation would accept, but with another decimal mark than the given one.
pub(super) fn read_amount(
    text: &str,
    decimal: Option<DecimalMark>,
) -> Result<Cow<'_, str>, InvalidValue> {
    let trimmed = trim(text);
    if trimmed.len() > MAX_BYTES || is_plain(trimmed, decimal) {
        return Ok(text.into());
    }
    let (sign, number) = strip_currency(trimmed);
    let reading = |mark| ParsedAmount::parse(number, mark);
    let readings = match decimal {
        Some(mark) => [reading(mark), None],
        None => [reading(DecimalMark::Point), reading(DecimalMark::Comma)],
    };
    match readings {
        [Some(one), None] | [None, Some(one)] => Ok(one.to_text(sign).into()),
        [Some(one), Some(other)] if one == other => Ok(one.to_text(sign).into()),
        // Validation and the options of a part might read it with the other mark.
        [None, None] if trimmed.bytes().any(|byte| byte.is_ascii_digit()) => match decimal {
            Some(mark) => Err(no_reading(number, mark)),
            None => Ok(text.into()),
        },
        _ => Ok(text.into()),
    }
}

/// Returns the text of a number of a workbook, with two decimals unless it has more.
pub(super) fn amount_of_number(number: f64) -> String {
    // Half a hundredth of a hundredth: what a calculation leaves behind, and no decimal.
    const TOLERANCE: f64 = 1e-6;

    let hundredths = number * 100.0;
    if (hundredths - hundredths.round()).abs() < TOLERANCE && hundredths.abs() < 1e15 {
        format!("{:.2}", hundredths.round() / 100.0 + 0.0)
    } else {
        number_text(number)
    }
}

/// Returns the text that is read as the amount of [`amount_of_number`].
pub(super) fn rewrite_amount(mut amount: String, decimal: Option<DecimalMark>) -> String {
    // Three decimals would be a group of thousands: 12.125 is not 12125.
    if amount
        .split_once('.')
        .is_some_and(|(_, decimals)| decimals.len() == GROUP)
    {
        amount.push('0');
    }
    if decimal == Some(DecimalMark::Comma) {
        amount = amount.replace('.', ",");
    }
    amount
}

/// Returns whether a text needs no change: digits, or digits with a point and two decimals.
fn is_plain(text: &str, decimal: Option<DecimalMark>) -> bool {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => is_digits(text),
        Some((integer, decimals)) => {
            decimal != Some(DecimalMark::Comma)
                && (1..=MAX_DECIMALS).contains(&decimals.len())
                && is_digits(integer)
                && is_digits(decimals)
        }
    }
}

/// Error of a number that has no reading with the given mark.
fn no_reading(number: &str, mark: DecimalMark) -> InvalidValue {
    let (mark, name) = match mark {
        DecimalMark::Point => ('.', "point"),
        DecimalMark::Comma => (',', "comma"),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match number.split_once(mark) {
        Some((integer, decimals)) if is_digits(integer) && is_digits(decimals) => {
            InvalidValue::new(Reason::TooManyDecimals, "must have at most two decimals")
        }
        _ => InvalidValue::new(
            Reason::Malformed,
            format!(
                "must be an amount with at most two decimals after a {name}, as `decimal` states"
            ),
        ),
    }
}

/// Returns the sign and the number of an amount, without a currency before or after it: a symbol
/// (`€`), a code (`EUR`) or an abbreviation (`kr.`). Also removes the dash of `1299,-`.
fn strip_currency(text: &str) -> (&'static str, &str) {
    let (sign, rest) = strip_sign(text);
    let rest = rest.trim_start();
    let currency = leading_currency(rest);
    let (_, rest) = rest.split_at(currency);
    let rest = if currency > 0 {
        rest.strip_prefix('.').unwrap_or(rest)
    } else {
        rest
    };
    let (inner_sign, rest) = strip_sign(rest.trim_start());
    let rest = rest.trim_end();
    let end = rest.strip_suffix('.').unwrap_or(rest);
    let currency = trailing_currency(end);
    let number = if currency > 0 {
        end[..end.len() - currency].trim_end()
    } else {
        rest
    };
    match (sign, inner_sign) {
        ("-", "-") => ("--", number),
        ("", sign) | (sign, _) => (sign, strip_dash(number)),
    }
}

/// Returns the length in bytes of the currency at the start of a text, 0 if there is none.
fn leading_currency(text: &str) -> usize {
    let end = text.find(|c| !is_currency_character(c));
    let word = &text[..end.unwrap_or(text.len())];
    if is_currency(word) { word.len() } else { 0 }
}

/// Returns the length in bytes of the currency at the end of a text, 0 if there is none.
fn trailing_currency(text: &str) -> usize {
    let word = &text[text.trim_end_matches(is_currency_character).len()..];
    if is_currency(word) { word.len() } else { 0 }
}

fn strip_sign(text: &str) -> (&'static str, &str) {
    match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => ("-", rest),
        None => ("", text),
    }
}

/// Removes the dash that stands for no decimals: `1299,-`, `1299.--`, `1299,–`.
fn strip_dash(number: &str) -> &str {
    let rest = number.trim_end_matches(['-', '–', '—']);
    match rest.strip_suffix([',', '.']) {
        Some(integer) if rest.len() < number.len() => integer,
        _ => number,
    }
}

/// Digits of an amount under one meaning of its separators.
#[derive(Debug, PartialEq)]
struct ParsedAmount {
    digits: String,
    decimals: String,
}

impl ParsedAmount {
    /// Reads an amount with this decimal mark. The separator of thousands is the other mark, a
    /// space or an apostrophe. `None`: the separators do not fit, or there are more decimals than
    /// two. Zeros from the third to the fourth decimal or later (`1299.0000`) are none.
    fn parse(number: &str, mark: DecimalMark) -> Option<Self> {
        let (mark, other) = match mark {
            DecimalMark::Point => ('.', ','),
            DecimalMark::Comma => (',', '.'),
        };
        let (integer, decimals) = number.split_once(mark).unwrap_or((number, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let has_decimals = integer.len() < number.len();
        let decimals = match decimals.split_at_checked(MAX_DECIMALS) {
            Some((decimals, rest)) if rest.len() > 1 && rest.bytes().all(|byte| byte == b'0') => {
                decimals
            }
            _ => decimals,
        };
        if !is_digits(decimals)
            || decimals.len() > MAX_DECIMALS
            || has_decimals && decimals.is_empty()
        {
            return None;
        }
        let decimals = decimals.to_owned();
        let digits = ungroup(integer, other)?;
        Some(Self { digits, decimals })
    }

    fn to_text(&self, sign: &str) -> String {
        let point = if self.decimals.is_empty() { "" } else { "." };
        format!("{sign}{}{point}{}", self.digits, self.decimals)
    }
}

/// Removes the separators of thousands, all of which must be the same and in their places.
fn ungroup(integer: &str, other_mark: char) -> Option<String> {
    let is_separator = |c: char| {
        c == other_mark || matches!(c, ' ' | '\u{A0}' | '\u{202F}' | '\u{2009}' | '\'' | '’')
    };
    let separator = integer.chars().find(|c| is_separator(*c));
    let mut groups = integer.split(|c| Some(c) == separator);
    let first = groups.next()?;
    let mut digits = first.to_owned();
    let is_grouped = separator.is_some();
    let has_first_group =
        !is_grouped || (1..=GROUP).contains(&first.len()) && !first.starts_with('0');
    for group in groups {
        if group.len() != GROUP {
            return None;
        }
        digits.push_str(group);
    }
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && has_first_group).then_some(digits)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> String {
        read_amount(text, None).unwrap().into_owned()
    }

    #[rstest]
    #[case("1.299,00 EUR", "1299.00")]
    #[case("$1,299.00", "1299.00")]
    #[case("1299", "1299")]
    #[case("1299.5", "1299.5")]
    #[case("1299,50", "1299.50")]
    #[case("1.299", "1299")]
    #[case("1,299", "1299")]
    #[case("1.299.000", "1299000")]
    #[case("1.299.000,5", "1299000.5")]
    #[case("1 299,00 €", "1299.00")]
    #[case("1\u{202F}299,00\u{A0}€", "1299.00")]
    #[case("CHF 1'299.00", "1299.00")]
    #[case("1’299.–", "1299")]
    #[case("1299,-", "1299")]
    #[case("EUR1299", "1299")]
    #[case("kr. 1.299,00", "1299.00")]
    #[case("US$ 1,299.00", "1299.00")]
    #[case("1299 Euro", "1299")]
    #[case("1.299,00 kr.", "1299.00")]
    #[case("100 Kč", "100")]
    #[case("$CA 5", "5")]
    #[case("-5,00 €", "-5.00")]
    #[case("€ -5.00", "-5.00")]
    #[case("£0.99", "0.99")]
    #[case("0", "0")]
    #[case("1299.0000", "1299.00")]
    #[case("200,0000 EUR", "200.00")]
    fn amount_is_normalized(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text), expected);
    }

    /// No reading has at most two decimals, or the text is no amount.
    #[rstest]
    #[case("1299.500")]
    #[case("0.500")]
    #[case("1.2.3")]
    #[case("1,29,00")]
    #[case("12.34.567")]
    #[case("1 299'000")]
    #[case("abc")]
    #[case("EUR")]
    #[case("1 EUR 2")]
    #[case("Dell 1299 gross")]
    #[case("1.5k")]
    #[case("2 Mio")]
    #[case("12 mo")]
    #[case("3 Stk.")]
    #[case("10 pcs")]
    #[case("2k€")]
    #[case("--5")]
    #[case("")]
    #[case(".5")]
    #[case("1.299,")]
    #[case("(5.00)")]
    fn other_text_is_left_to_validation(#[case] text: &str) {
        assert_eq!(read(text), text);
    }

    #[test]
    fn given_decimal_mark_decides() {
        let comma = |text| read_amount(text, Some(DecimalMark::Comma));
        let point = |text| read_amount(text, Some(DecimalMark::Point));
        assert_eq!(comma("1.299").as_deref(), Ok("1299"));
        assert_eq!(comma("1299,5").as_deref(), Ok("1299.5"));
        assert_eq!(comma("1299").as_deref(), Ok("1299"));
        assert_eq!(point("1,299").as_deref(), Ok("1299"));
        assert_eq!(point("1299.5").as_deref(), Ok("1299.5"));
        let reason = |read: Result<Cow<'_, str>, InvalidValue>| read.unwrap_err().reason;
        for rejected in [
            comma("1299.50"),
            comma("$1,299.00"),
            point("1299,50"),
            point("1.2.3"),
        ] {
            assert_eq!(reason(rejected), Reason::Malformed);
        }
        for rejected in [comma("1,000"), comma("1,2999 €"), point("1.299")] {
            assert_eq!(reason(rejected), Reason::TooManyDecimals);
        }
        assert_eq!(comma("free").as_deref(), Ok("free"));
    }

    #[rstest]
    #[case(1299.0, "1299.00")]
    #[case(1299.5, "1299.50")]
    #[case(1299.99, "1299.99")]
    #[case(0.1 + 0.2, "0.30")]
    #[case(-0.0, "0.00")]
    #[case(-5.0, "-5.00")]
    #[case(1_084.033_613, "1084.033613")]
    #[case(999_999_999_999.99, "999999999999.99")]
    fn number_becomes_an_amount(#[case] number: f64, #[case] expected: &str) {
        assert_eq!(amount_of_number(number), expected);
    }
}
