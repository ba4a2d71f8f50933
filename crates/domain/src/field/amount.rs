//! Amounts of money.

use std::fmt;

use serde::{Serialize, Serializer};

use super::sanitize::is_digits;
use super::{FieldValue, Format, InvalidValue, RawValue, sanitize};
use crate::validation::error::Reason;

/// An amount of money without a currency, with two decimals, from `0.00` to `999999999999.99`.
///
/// Accepts `1299`, `1299.5`, `1299.00` and `1299,00`. Also accepts four decimals or more if those
/// after the second are zeros (`1299.0000`, as GLPI writes): they cannot be a group of thousands,
/// as three decimals can (`1.299`). Serializes as `1299.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    hundredths: u64,
}

impl Amount {
    /// Maximum number of digits before the decimal point.
    pub const MAX_INTEGER_DIGITS: usize = 12;

    /// Wraps an amount that is known to be valid, such as a stored one, without validation.
    #[must_use]
    pub fn from_trusted(hundredths: u64) -> Self {
        Self { hundredths }
    }

    /// Returns the amount in hundredths: `1299.00` is 129,900.
    #[must_use]
    pub fn hundredths(self) -> u64 {
        self.hundredths
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.hundredths / 100, self.hundredths % 100)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FieldValue for Amount {
    const FORMAT: Format = Format::Amount;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = sanitize(raw)?;
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (integer, fraction) = match unsigned.split_once(['.', ',']) {
            Some((integer, fraction)) => (integer, Some(fraction)),
            None => (unsigned, None),
        };
        if !is_digits(integer) || !fraction.is_none_or(is_digits) {
            return Err(InvalidValue::new(
                Reason::Malformed,
                "must be a decimal amount such as \"1299.00\", without a currency",
            ));
        }
        if unsigned != text {
            return Err(InvalidValue::new(Reason::Negative, "must not be negative"));
        }
        let fraction = fraction.unwrap_or_default();
        let (hundredths, rest) = fraction.split_at_checked(2).unwrap_or((fraction, ""));
        if rest.len() == 1 || rest.bytes().any(|b| b != b'0') {
            return Err(InvalidValue::new(
                Reason::TooManyDecimals,
                "must have at most two decimals",
            ));
        }
        let integer = integer.trim_start_matches('0');
        if integer.len() > Self::MAX_INTEGER_DIGITS {
            return Err(InvalidValue::new(
                Reason::OutOfRange,
                "must be at most 999999999999.99",
            ));
        }
        // Parsing the result of `format!` would allocate for every amount of a batch.
        let append = |number: u64, digit: u8| number * 10 + u64::from(digit - b'0');
        let missing = std::iter::repeat_n(b'0', 2 - hundredths.len());
        let digits = integer.bytes().chain(hundredths.bytes()).chain(missing);
        Ok(Self {
            hundredths: digits.fold(0, append),
        })
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parse(text: &str) -> Result<String, Reason> {
        Amount::parse(&RawValue::text(text))
            .map(|amount| amount.to_string())
            .map_err(|invalid| invalid.reason)
    }

    #[rstest]
    #[case("1299.00", "1299.00")]
    #[case("1299,00", "1299.00")]
    #[case("1299", "1299.00")]
    #[case(" 1299.5 ", "1299.50")]
    #[case("0", "0.00")]
    #[case("0.07", "0.07")]
    #[case("000012.30", "12.30")]
    #[case("999999999999.99", "999999999999.99")]
    #[case("1299.0000", "1299.00")]
    #[case("200,0000", "200.00")]
    #[case("129.5000", "129.50")]
    #[case("129.990000000000", "129.99")]
    #[case("\u{FEFF}5", "5.00")]
    fn decimal_amount_is_normalized(#[case] sent: &str, #[case] stored: &str) {
        assert_eq!(parse(sent).as_deref(), Ok(stored));
    }

    #[rstest]
    #[case("abc", Reason::Malformed)]
    #[case("1299 EUR", Reason::Malformed)]
    #[case("€1299", Reason::Malformed)]
    #[case("1.299,00", Reason::Malformed)]
    #[case("1 299", Reason::Malformed)]
    #[case("1e3", Reason::Malformed)]
    #[case("+5", Reason::Malformed)]
    #[case(".5", Reason::Malformed)]
    #[case("5.", Reason::Malformed)]
    #[case("-", Reason::Malformed)]
    #[case("--5", Reason::Malformed)]
    #[case("NaN", Reason::Malformed)]
    #[case("١٢", Reason::Malformed)]
    #[case("-5", Reason::Negative)]
    #[case("$1,299.00", Reason::Malformed)]
    #[case("1.299.0000", Reason::Malformed)]
    #[case("-200,0000", Reason::Negative)]
    #[case("1.299", Reason::TooManyDecimals)]
    #[case("129.500", Reason::TooManyDecimals)]
    #[case("129,000", Reason::TooManyDecimals)]
    #[case("129.5010", Reason::TooManyDecimals)]
    #[case("129.00001", Reason::TooManyDecimals)]
    #[case("1000000000000", Reason::OutOfRange)]
    fn malformed_amount_is_rejected(#[case] sent: &str, #[case] reason: Reason) {
        assert_eq!(parse(sent), Err(reason));
    }

    #[test]
    fn json_number_is_rejected_as_inexact() {
        let error = Amount::parse(&RawValue::Integer(1299)).unwrap_err();
        assert_eq!(error.detail, "must be a string, not a number");
    }
}
