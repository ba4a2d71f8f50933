//! Values of query parameters.

use chrono::{DateTime, Utc};
use devices_domain::{IdentifierKey, Instant, Reason};

use crate::http::extract::query::{InvalidParameter, require_text};

/// Parses `true` or `false`.
pub(crate) fn parse_boolean(text: &str) -> Result<bool, InvalidParameter> {
    let value = text.parse();
    value.map_err(|_| (Reason::NotInEnum, "must be true or false".to_owned()))
}

/// Parses a serial number or an asset tag to look up. Only blank text is invalid. Text that is no
/// valid identifier is a key that finds nothing: a client that looks up the serial numbers of its
/// own inventory need not know which of them are placeholders.
pub(crate) fn parse_identifier_key(text: &str) -> Result<IdentifierKey, InvalidParameter> {
    require_text(text)?;
    Ok(IdentifierKey::new(text))
}

/// Parses an instant, or a date, which stands for its midnight in UTC. The year 1, the "never" of
/// .NET and Go, selects everything.
pub(crate) fn parse_instant_or_date(text: &str) -> Result<DateTime<Utc>, InvalidParameter> {
    let instant = Instant::parse_or_date(&restore_plus(text.trim()));
    let instant = instant.map(Instant::to_utc);
    instant.map_err(|invalid| (invalid.reason, format!("{}, or a date", invalid.detail)))
}

/// Restores the `+` of an offset. It is decoded as a blank unless it is sent as `%2B`. A blank
/// between date and time is the first separator of the text, and is left as it is.
fn restore_plus(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((instant, offset))
            if instant.contains(['T', 't', ' '])
                && offset.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            format!("{}+{offset}", instant.trim_end())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-01-31T08:00:00Z", "2026-01-31T08:00:00+00:00")]
    #[case("2026-01-31T09:00:00+01:00", "2026-01-31T08:00:00+00:00")]
    #[case("2026-01-31T09:00:00 01:00", "2026-01-31T08:00:00+00:00")]
    #[case("2026-01-31 08:00:00Z", "2026-01-31T08:00:00+00:00")]
    #[case("2026-01-31 09:00:00 01:00", "2026-01-31T08:00:00+00:00")]
    #[case("2026-01-31 06:00:00-02:00", "2026-01-31T08:00:00+00:00")]
    #[case("2026-01-31", "2026-01-31T00:00:00+00:00")]
    fn plus_of_offset_may_be_a_blank(#[case] sent: &str, #[case] expected: &str) {
        let instant = parse_instant_or_date(sent).unwrap();
        assert_eq!(instant.to_rfc3339(), expected);
    }

    #[rstest]
    #[case("")]
    #[case("2026-01-31 08:00:00")]
    #[case("2026-01-31T08:00:00")]
    #[case("yesterday")]
    fn text_without_offset_is_rejected(#[case] sent: &str) {
        assert!(parse_instant_or_date(sent).is_err());
    }
}
