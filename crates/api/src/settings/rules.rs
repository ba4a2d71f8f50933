//! Rules for the values of settings.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::http::header;
use clap::ValueEnum;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Allowed values of a setting.
pub(super) trait Rule<T> {
    /// Describes the allowed values, to follow the words "must be".
    fn describe(&self) -> String;

    /// Returns `true` if a source may spell the value so. Called before deserialization, which
    /// would round `1.5` and take `true` for 1.
    fn accepts_text(&self, _text: &str) -> bool {
        true
    }

    /// Validates a value.
    ///
    /// # Errors
    /// The rejected value as text. It never contains a secret.
    fn validate(&self, value: &T) -> Result<(), String>;
}

impl<T: PartialOrd + Display + FromStr> Rule<T> for RangeInclusive<T> {
    fn describe(&self) -> String {
        format!("from {} to {}", self.start(), self.end())
    }

    fn accepts_text(&self, text: &str) -> bool {
        text.parse::<T>().is_ok()
    }

    fn validate(&self, value: &T) -> Result<(), String> {
        if self.contains(value) {
            Ok(())
        } else {
            Err(value.to_string())
        }
    }
}

/// `true` or `false`.
pub(super) struct TrueOrFalse;

impl Rule<bool> for TrueOrFalse {
    fn describe(&self) -> String {
        "true or false".to_owned()
    }

    fn accepts_text(&self, text: &str) -> bool {
        text.parse::<bool>().is_ok()
    }

    fn validate(&self, _: &bool) -> Result<(), String> {
        Ok(())
    }
}

/// Variants of an enum. Deserialization rejects every other value with [`Choice::parse`].
pub(super) struct Choice;

impl Choice {
    /// Parses the value of the setting that `variable` sets.
    ///
    /// # Errors
    /// A message that names the variable and the allowed values.
    pub(super) fn parse<T: ValueEnum>(variable: &str, text: &str) -> Result<T, String> {
        let ignore_case = false;
        T::from_str(text, ignore_case).map_err(|_| {
            let allowed = Rule::<T>::describe(&Self);
            format!("{variable} is \"{text}\", but must be {allowed}")
        })
    }
}

impl<T: ValueEnum> Rule<T> for Choice {
    fn describe(&self) -> String {
        let values = T::value_variants().iter();
        let values = values.filter_map(ValueEnum::to_possible_value);
        let names: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
        names.join(" or ")
    }

    fn validate(&self, _: &T) -> Result<(), String> {
        Ok(())
    }
}

/// An address or a host name.
pub(super) struct Host;

impl Rule<String> for Host {
    fn describe(&self) -> String {
        "an address or a host name, such as 127.0.0.1".to_owned()
    }

    fn validate(&self, host: &String) -> Result<(), String> {
        if host.is_empty() {
            Err("empty".to_owned())
        } else {
            Ok(())
        }
    }
}

/// The name of an HTTP header, or empty.
pub(super) struct OptionalHeaderName;

impl Rule<String> for OptionalHeaderName {
    fn describe(&self) -> String {
        "empty or the name of a header, such as X-Forwarded-For".to_owned()
    }

    fn validate(&self, name: &String) -> Result<(), String> {
        if name.is_empty() || header::HeaderName::try_from(name).is_ok() {
            Ok(())
        } else {
            Err(format!("\"{name}\""))
        }
    }
}

/// A URL of PostgreSQL, not empty. Only connecting validates the rest.
pub(super) struct PostgresUrl;

impl Rule<SecretString> for PostgresUrl {
    fn describe(&self) -> String {
        "a PostgreSQL URL, such as postgres://user:password@host/database (`make run` starts a \
         private PostgreSQL and sets it)"
            .to_owned()
    }

    fn validate(&self, url: &SecretString) -> Result<(), String> {
        if url.expose_secret().is_empty() {
            Err("empty".to_owned())
        } else {
            Ok(())
        }
    }
}

/// A log level, or levels by target.
pub(super) struct LogFilter;

impl Rule<String> for LogFilter {
    fn describe(&self) -> String {
        "error, warn, info, debug or trace, or a filter such as info,actix_server=warn".to_owned()
    }

    fn validate(&self, text: &String) -> Result<(), String> {
        // EnvFilter takes an unknown word for a target. A misspelled level would disable the log.
        let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        let is_directive = |part: &str| part.contains('=') || is_level(part.trim());
        if text.split(',').all(is_directive) && EnvFilter::try_new(text).is_ok() {
            Ok(())
        } else {
            Err(format!("\"{text}\""))
        }
    }
}
