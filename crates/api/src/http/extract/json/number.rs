//! JSON numbers.

use devices_domain::{RawValue, ValueKind};

/// Parses a JSON number. JSON has no integer type: `12.0` and `1.2e1` are the integer 12, too.
///
/// Works on the decimal digits. A float would round integers beyond 2^53, and a device could be
/// assigned to another user.
pub(super) fn parse_number(token: &str) -> RawValue<'_> {
    if let Ok(integer) = token.parse() {
        return RawValue::Integer(integer);
    }
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.trim_start_matches(['-', '0']).is_empty() {
        return RawValue::Integer(0);
    }
    // The value is `significant` * 10^`power`. An exponent beyond 64 bits saturates.
    let saturated = if exponent.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    let power = exponent
        .parse::<i64>()
        .unwrap_or(saturated)
        .saturating_sub_unsigned(fraction.len() as u64)
        .saturating_add_unsigned((digits.len() - significant.len()) as u64);
    if power < 0 {
        return RawValue::Other(ValueKind::Number);
    }
    let factor = u32::try_from(power).ok();
    let factor = factor.and_then(|power| 10_i64.checked_pow(power));
    let integer = significant.parse::<i64>().ok().zip(factor);
    let integer = integer.and_then(|(significant, factor)| significant.checked_mul(factor));
    integer.map_or(RawValue::HugeInteger, RawValue::Integer)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("12", 12)]
    #[case("-0", 0)]
    #[case("12.0", 12)]
    #[case("1.2e1", 12)]
    #[case("120e-1", 12)]
    #[case("0.0e99999999999999999999", 0)]
    #[case("9223372036854775807", i64::MAX)]
    #[case("9.223372036854775807e18", i64::MAX)]
    #[case("-9.223372036854775808e+18", i64::MIN)]
    fn whole_number_is_an_integer(#[case] token: &str, #[case] integer: i64) {
        assert_eq!(parse_number(token), RawValue::Integer(integer));
    }

    #[rstest]
    #[case("9223372036854775808")]
    #[case("9.223372036854775808e18")]
    #[case("1e400")]
    #[case("1e99999999999999999999")]
    fn integer_beyond_64_bits_is_huge(#[case] token: &str) {
        assert_eq!(parse_number(token), RawValue::HugeInteger);
    }

    #[rstest]
    #[case("1.5")]
    #[case("12e-1")]
    #[case("1e-99999999999999999999")]
    #[case("4503599627370497.4")]
    #[case("12.00000000000000000001")]
    fn fraction_is_a_number(#[case] token: &str) {
        assert_eq!(parse_number(token), RawValue::Other(ValueKind::Number));
    }
}
