//! Durations.

use std::fmt;

use chrono::TimeDelta;
use serde::{Serialize, Serializer};

use super::text::limit_length;
use super::{FieldValue, Format, InvalidValue, RawValue, Text, sanitize};
use crate::validation::error::Reason;

/// Maximum length of the text of a duration, in characters.
const MAX_LENGTH: usize = 64;

/// A duration such as `30d`, `12h` or `1h 30m`. Its maximum of 100 years keeps every date that is
/// computed with it in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(TimeDelta);

impl Duration {
    /// The longest duration: 100 years.
    pub const MAX: Self = Self(TimeDelta::days(36_525));

    /// Creates a duration of this number of hours, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn hours(hours: u16) -> Self {
        Self(TimeDelta::hours(hours.into()).min(Self::MAX.0))
    }

    /// Returns the length of the duration.
    #[must_use]
    pub fn to_delta(self) -> TimeDelta {
        self.0
    }
}

impl FieldValue for Duration {
    const FORMAT: Format = Text::<MAX_LENGTH>::FORMAT;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = sanitize(raw)?;
        limit_length(text, MAX_LENGTH)?;
        let duration = humantime::parse_duration(text).map_err(|_| {
            InvalidValue::new(Reason::Malformed, "must be a duration, such as 30d or 12h")
        })?;
        match TimeDelta::from_std(duration) {
            Ok(duration) if duration <= Self::MAX.0 => Ok(Self(duration)),
            _ => Err(InvalidValue::new(
                Reason::OutOfRange,
                "must be at most 100 years",
            )),
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        RawValue::text(self.to_string())
    }
}

/// Formats the duration as text from which it is parsed.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No duration is negative.
        let duration = self.0.to_std().unwrap_or_default();
        humantime::format_duration(duration).fmt(f)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A [`Duration`] of at least a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Lifetime(Duration);

impl Lifetime {
    /// Returns the length of the lifetime.
    #[must_use]
    pub fn to_delta(self) -> TimeDelta {
        self.0.to_delta()
    }
}

impl FieldValue for Lifetime {
    const FORMAT: Format = Duration::FORMAT;

    fn parse(raw: &RawValue<'_>) -> Result<Self, InvalidValue> {
        let duration = Duration::parse(raw)?;
        if duration.to_delta() < TimeDelta::seconds(1) {
            return Err(InvalidValue::new(
                Reason::OutOfRange,
                "must be at least one second",
            ));
        }
        Ok(Self(duration))
    }

    fn to_raw(&self) -> RawValue<'_> {
        self.0.to_raw()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn reason_of<T: FieldValue>(raw: &RawValue<'_>) -> Option<Reason> {
        T::parse(raw).err().map(|invalid| invalid.reason)
    }

    #[rstest]
    #[case("30d", TimeDelta::days(30))]
    #[case(" 1h 30m ", TimeDelta::minutes(90))]
    #[case("0s", TimeDelta::zero())]
    #[case("36525d", Duration::MAX.to_delta())]
    fn duration_is_parsed(#[case] text: &str, #[case] expected: TimeDelta) {
        let duration = Duration::parse(&RawValue::text(text)).unwrap();
        assert_eq!(duration.to_delta(), expected);
        assert_eq!(Duration::parse(&duration.to_raw()).unwrap(), duration);
    }

    #[rstest]
    #[case(RawValue::text("30"), Reason::Malformed)]
    #[case(RawValue::text("soon"), Reason::Malformed)]
    #[case(RawValue::text("-1d"), Reason::Malformed)]
    #[case(RawValue::text("36526d"), Reason::OutOfRange)]
    #[case(RawValue::text("1000000y"), Reason::OutOfRange)]
    #[case(RawValue::Integer(30), Reason::WrongType)]
    fn invalid_duration_is_rejected(#[case] raw: RawValue<'_>, #[case] expected: Reason) {
        assert_eq!(reason_of::<Duration>(&raw), Some(expected));
    }

    #[test]
    fn lifetime_is_at_least_a_second() {
        assert_eq!(reason_of::<Lifetime>(&RawValue::text("1s")), None);
        for text in ["0s", "999ms"] {
            let reason = reason_of::<Lifetime>(&RawValue::text(text));
            assert_eq!(reason, Some(Reason::OutOfRange), "{text}");
        }
    }
}
