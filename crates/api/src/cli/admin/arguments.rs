//! Parsers of arguments.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use devices_domain::{Duration, Email, FieldValue, Lifetime, RawValue, ShortText};

use crate::settings::{is_label, is_workspace_name};

/// Parses a text of 1 to 255 characters, the width of the database's columns, with at least one
/// letter or digit.
pub(in crate::cli) fn parse_label(text: &str) -> Result<String, String> {
    let text = text.trim();
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "must have 1 to 255 characters, at least one letter or digit, and no control characters"
                .to_owned(),
        )
    }
}

/// Parses the name of a new workspace, as the setting `bootstrap.workspace` does.
pub(in crate::cli) fn parse_workspace_name(text: &str) -> Result<String, String> {
    let name = parse_label(text)?;
    if is_workspace_name(&name) {
        Ok(name)
    } else {
        Err("must be the name of a workspace, without ://".to_owned())
    }
}

/// Parses the name of a PostgreSQL role.
pub(in crate::cli) fn parse_role(text: &str) -> Result<String, String> {
    // PostgreSQL reserves some names, and cuts longer ones.
    let is_reserved = text.starts_with("pg_") || ["public", "none"].contains(&text);
    if (1..=63).contains(&text.len()) && !text.contains(char::is_control) && !is_reserved {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a role of 1 to 63 bytes that does not begin with pg_".to_owned())
    }
}

/// Parses the name of a person.
pub(super) fn parse_person_name(text: &str) -> Result<ShortText, String> {
    parse_field(&parse_label(text)?)
}

pub(super) fn parse_email(text: &str) -> Result<Email, String> {
    parse_field(text)
}

/// Parses a value as the domain's type does.
fn parse_field<T: FieldValue>(text: &str) -> Result<T, String> {
    T::parse(&RawValue::text(text)).map_err(|invalid| invalid.detail.into_owned())
}

/// Parses an id.
pub(super) fn parse_id(text: &str) -> Result<i64, String> {
    let id = text.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| "must be an id, such as 3".to_owned())
}

/// Parses a duration such as `30d` or `12h`, of at most 100 years.
pub(super) fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    parse_field(text).map(Duration::to_delta)
}

/// Parses a duration of at least one second.
pub(super) fn parse_lifetime(text: &str) -> Result<TimeDelta, String> {
    parse_field(text).map(Lifetime::to_delta)
}

/// Parses a retention of at least a day. Younger events may still be needed to find out whether a
/// transaction was committed.
pub(super) fn parse_retention(text: &str) -> Result<TimeDelta, String> {
    let duration = parse_duration(text)?;
    if duration >= TimeDelta::days(1) {
        Ok(duration)
    } else {
        Err("must be at least a day, such as 365d".to_owned())
    }
}

/// Parses an instant: an age (a duration before now), a date in UTC, or a timestamp (RFC 3339).
pub(super) fn parse_instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(age) = parse_duration(text) {
        return Ok(Utc::now() - age);
    }
    let at_midnight = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    let date = text.parse().ok().and_then(at_midnight);
    let timestamp = || DateTime::parse_from_rfc3339(text).ok();
    date.or_else(|| Some(timestamp()?.to_utc()))
        // PostgreSQL has no timestamps before 4713 BC.
        .filter(|instant| instant.year() > 0)
        .ok_or_else(|| "must be a time such as 7d, 2026-01-31 or 2026-01-31T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-01-31", "2026-01-31T00:00:00Z")]
    #[case("2026-01-31T08:00:00+01:00", "2026-01-31T07:00:00Z")]
    fn instant_is_parsed_from_date_or_timestamp(#[case] text: &str, #[case] expected: &str) {
        let expected: DateTime<Utc> = expected.parse().unwrap();
        assert_eq!(parse_instant(text), Ok(expected));
    }

    #[test]
    fn instant_is_parsed_from_age() {
        let instant = parse_instant("2h").unwrap();
        let age = Utc::now() - instant;
        assert!((TimeDelta::hours(2)..TimeDelta::hours(3)).contains(&age));
    }

    #[rstest]
    #[case("abc")]
    #[case("x")]
    #[case("0")]
    #[case("9223372036854775808")]
    fn invalid_id_is_rejected(#[case] text: &str) {
        assert_eq!(parse_id(text), Err("must be an id, such as 3".to_owned()));
    }

    #[rstest]
    #[case("3")]
    #[case("soon")]
    #[case("")]
    fn invalid_duration_is_rejected(#[case] text: &str) {
        let expected = "must be a duration, such as 30d or 12h".to_owned();
        assert_eq!(parse_lifetime(text), Err(expected));
    }

    #[test]
    fn retention_is_at_least_a_day() {
        assert_eq!(parse_retention("1d"), Ok(TimeDelta::days(1)));
        for text in ["23h", "0s", "365", "a year"] {
            assert!(parse_retention(text).is_err(), "{text}");
        }
    }

    #[rstest]
    #[case("yesterday")]
    #[case("2026-02-30")]
    #[case("900y")]
    #[case("-9999-01-01")]
    #[case("")]
    fn invalid_instant_is_rejected(#[case] text: &str) {
        assert!(parse_instant(text).is_err());
    }
}
