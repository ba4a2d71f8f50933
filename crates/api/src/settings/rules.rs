//! Rules for the values of settings.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use actix_web::http::header;
use clap::ValueEnum;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Allowed values of a setting of type `T`.
pub(super) trait Rule<T> {
    /// Describes the allowed values, to follow the words "must be".
    fn describe(&self) -> String;

    /// Returns whether a source may set this text. Every accepted text can be deserialized: the
    /// errors of deserialization quote the text, which may be a secret.
    fn accepts(&self, text: &str) -> bool;
}

impl<T: PartialOrd + Display + FromStr> Rule<T> for RangeInclusive<T> {
    fn describe(&self) -> String {
        format!("from {} to {}", self.start(), self.end())
    }

    fn accepts(&self, text: &str) -> bool {
        text.parse().is_ok_and(|value| self.contains(&value))
    }
}

/// `true` or `false`.
pub(super) struct TrueOrFalse;

impl Rule<bool> for TrueOrFalse {
    fn describe(&self) -> String {
        "true or false".to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        text.parse::<bool>().is_ok()
    }
}

/// Variants of an enum, in lower case.
pub(super) struct Choice;

impl<T: ValueEnum> Rule<T> for Choice {
    fn describe(&self) -> String {
        let values = T::value_variants().iter();
        let values = values.filter_map(ValueEnum::to_possible_value);
        let names: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
        names.join(" or ")
    }

    fn accepts(&self, text: &str) -> bool {
        let ignore_case = false;
        T::from_str(text, ignore_case).is_ok()
    }
}

/// An address or a host name.
pub(super) struct Host;

impl Rule<String> for Host {
    fn describe(&self) -> String {
        "an address or a host name, such as 127.0.0.1".to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        // The colon and the percent sign occur in IPv6 addresses.
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_:%".contains(&b);
        (1..=253).contains(&text.len()) && text.bytes().all(is_allowed)
    }
}

/// The name of an HTTP header, or empty.
pub(super) struct OptionalHeaderName;

impl Rule<String> for OptionalHeaderName {
    fn describe(&self) -> String {
        "empty or the name of a header, such as X-Forwarded-For".to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        text.is_empty() || header::HeaderName::try_from(text).is_ok()
    }
}

/// The name of a PostgreSQL role, or empty.
pub(super) struct OptionalRoleName;

impl Rule<String> for OptionalRoleName {
    fn describe(&self) -> String {
        "empty or the name of a role of at most 63 bytes, without :// and not beginning with pg_"
            .to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        // PostgreSQL reserves these, and cuts longer names.
        let is_reserved = text.starts_with("pg_") || ["public", "none"].contains(&text);
        // A URL in the wrong variable: messages contain the name of the role, and a URL can contain
        // a password.
        let is_url = text.contains("://");
        text.len() <= 63 && !text.contains('\0') && !is_reserved && !is_url
    }
}

/// The name of a workspace, or empty.
pub(super) struct OptionalLabel;

impl Rule<String> for OptionalLabel {
    fn describe(&self) -> String {
        "empty or a name of at most 255 characters, with a letter or digit and without ://"
            .to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        text.is_empty() || (text.trim() == text && is_workspace_name(text))
    }
}

/// Returns whether a text can be the name of a new workspace.
pub(crate) fn is_workspace_name(text: &str) -> bool {
    // A URL in the wrong place: commands print the name, and a URL can contain a password.
    is_label(text) && !text.contains("://")
}

/// Returns whether a text has 1 to 255 characters, the width of the database's columns, with at
/// least one letter or digit.
pub(crate) fn is_label(text: &str) -> bool {
    let is_readable =
        text.chars().any(char::is_alphanumeric) && !text.chars().any(char::is_control);
    text.chars().count() <= 255 && is_readable
}

/// Returns whether a text can be a path that errors may contain. A URL in the wrong place is none:
/// it can contain a password, and so can libpq's other format, `host=... password=...`.
pub(super) fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains("://") && !text.contains("password=") && !text.contains('\0')
}

/// The path of a file, or empty.
pub(super) struct OptionalPath;

impl Rule<PathBuf> for OptionalPath {
    fn describe(&self) -> String {
        "empty or the path of a file, such as /run/secrets/database-url".to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        text.is_empty() || is_path(text)
    }
}

/// A URL of PostgreSQL, not empty. Only connecting validates the rest.
pub(super) struct PostgresUrl;

impl Rule<SecretString> for PostgresUrl {
    fn describe(&self) -> String {
        "a PostgreSQL URL, such as postgres://user:password@host/database, unless \
         DEVICES__DATABASE__URL_FILE names a file with it (`make run` starts a private PostgreSQL \
         and sets it)"
            .to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        !text.is_empty()
    }
}

/// A log level, or levels by target.
pub(super) struct LogFilter;

impl Rule<String> for LogFilter {
    fn describe(&self) -> String {
        "error, warn, info, debug or trace, or a filter such as info,actix_server=warn".to_owned()
    }

    fn accepts(&self, text: &str) -> bool {
        // EnvFilter takes an unknown word for a target. A misspelled level would disable the log.
        let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        let is_directive = |part: &str| part.contains('=') || is_level(part.trim());
        text.split(',').all(is_directive) && EnvFilter::try_new(text).is_ok()
    }
}
