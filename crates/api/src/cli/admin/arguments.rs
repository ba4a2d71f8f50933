//! What arguments may be.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use devices_domain::{Email, FieldValue, RawValue, ShortText};

/// 1 to 255 characters, as the database's columns have them, and something to read among them.
pub(super) fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    let is_readable =
        text.chars().any(char::is_alphanumeric) && !text.chars().any(char::is_control);
    match (1..=255).contains(&length) && is_readable {
        true => Ok(text.to_owned()),
        false => Err(
            "must have 1 to 255 characters, a letter or digit and no control characters among them"
                .to_owned(),
        ),
    }
}

/// A name of a person: a label.
pub(super) fn name(text: &str) -> Result<ShortText, String> {
    parsed(&label(text)?)
}

pub(super) fn email(text: &str) -> Result<Email, String> {
    parsed(text)
}

/// A value by the rule of its type.
fn parsed<T: FieldValue>(text: &str) -> Result<T, String> {
    T::parse(&RawValue::text(text)).map_err(|refusal| refusal.detail.into_owned())
}

/// A time such as `30d` or `12h`, of no more than a century: every instant so far away exists.
pub(super) fn duration(text: &str) -> Result<TimeDelta, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let century = TimeDelta::days(36_525);
    match TimeDelta::from_std(duration) {
        Ok(duration) if duration <= century => Ok(duration),
        _ => Err("must be 100 years at most".to_owned()),
    }
}

/// A duration of a second or more.
pub(super) fn lifetime(text: &str) -> Result<TimeDelta, String> {
    let duration = duration(text)?;
    match duration >= TimeDelta::seconds(1) {
        true => Ok(duration),
        false => Err("must be a second or more".to_owned()),
    }
}

/// A moment in the past: so long ago, a date in UTC, or an instant (RFC 3339).
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(ago) = duration(text) {
        return Ok(Utc::now() - ago);
    }
    let at_midnight = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    let date = text.parse().ok().and_then(at_midnight);
    let instant = || DateTime::parse_from_rfc3339(text).ok();
    date.or_else(|| Some(instant()?.to_utc()))
        // PostgreSQL knows none before 4713 BC.
        .filter(|instant| instant.year() > 0)
        .ok_or_else(|| "must be such as 7d, 2026-01-31 or 2026-01-31T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-01-31", "2026-01-31T00:00:00Z")]
    #[case("2026-01-31T08:00:00+01:00", "2026-01-31T07:00:00Z")]
    fn an_instant_is_a_date_or_a_date_and_time(#[case] text: &str, #[case] expected: &str) {
        let expected: DateTime<Utc> = expected.parse().unwrap();
        assert_eq!(instant(text), Ok(expected));
    }

    #[test]
    fn an_instant_is_so_long_ago() {
        let then = instant("2h").unwrap();
        let ago = Utc::now() - then;
        assert!((TimeDelta::hours(2)..TimeDelta::hours(3)).contains(&ago));
    }

    #[rstest]
    #[case("yesterday")]
    #[case("2026-02-30")]
    #[case("900y")]
    #[case("-9999-01-01")]
    #[case("")]
    fn another_instant_is_refused(#[case] text: &str) {
        assert!(instant(text).is_err());
    }
}
