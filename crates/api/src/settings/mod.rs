//! Settings: built-in files, the same files on disk, the environment.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use actix_web::http::header::HeaderName;
use config::{Config, ConfigError, Environment, File, FileFormat};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Everything that can be set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where and how to serve.
    pub server: Server,
    /// Which database, and how to use it.
    pub database: Database,
    /// What a request may cost.
    pub limits: Limits,
    /// How often may be asked.
    pub rate_limit: RateLimit,
    /// How long idempotency keys are remembered.
    pub idempotency: Idempotency,
    /// What is logged.
    pub log: Log,
    /// Where figures are to be had.
    pub metrics: Metrics,
}

/// Where and how to serve.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub host: String,
    /// Port to listen on; 0 for any free one.
    pub port: u16,
    /// Seconds between the moment that `/readyz` says no and the moment that nothing new is taken.
    pub drain_seconds: u64,
    /// Seconds that requests get to finish after that.
    pub shutdown_seconds: u64,
    /// The header in which a proxy names the client's address; empty: there is no such proxy.
    pub client_address_header: String,
}

/// Which database, and how to use it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A PostgreSQL URL; may hold a password.
    pub url: SecretString,
    /// The most connections.
    pub pool_size: u32,
    /// Milliseconds that a request waits for one of them.
    pub pool_timeout_ms: u64,
    /// Milliseconds after which PostgreSQL ends a statement.
    pub statement_timeout_ms: u64,
    /// Milliseconds after which PostgreSQL ends a statement that waits for another transaction.
    pub lock_timeout_ms: u64,
    /// Whether `serve` brings the schema up to date.
    pub migrate_on_start: bool,
    /// What stands between this program and PostgreSQL.
    pub pooler: Pooler,
}

/// What stands between this program and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Pooler {
    /// Nothing: each connection is a session of its own.
    None,
    /// A pooler that gives each transaction any session, such as PgBouncer with `pool_mode = transaction`.
    Transaction,
}

impl TryFrom<String> for Pooler {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "none" => Ok(Self::None),
            "transaction" => Ok(Self::Transaction),
            _ => Err(format!(
                "database.pooler is \"{word}\"; it must be none or transaction"
            )),
        }
    }
}

/// What a request may cost.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most devices in a batch.
    pub max_devices_per_batch: usize,
    /// The longest body, in bytes.
    pub body_bytes: usize,
    /// Seconds that a client may take to send it.
    pub body_timeout_seconds: u64,
    /// Bytes a second that it must send, on average, after the first two seconds.
    pub body_bytes_per_second: u64,
    /// The most bodies of 64 KiB or more that are held at once.
    pub max_large_bodies: usize,
    /// How long one more waits for its place, in milliseconds.
    pub large_body_wait_ms: u64,
    /// The most exports that run at once.
    pub max_concurrent_exports: usize,
    /// The most requests that are worked on at once; those whose body is still coming do not count.
    pub max_requests_in_flight: usize,
    /// The most keys of a workspace that work at once.
    pub keys_per_workspace: u32,
}

impl Limits {
    /// How long a client may take to send its body.
    pub fn body_deadline(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds)
    }
}

/// How often may be asked.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a minute that each key may make; 0: any number.
    pub requests_per_minute: u32,
    /// Requests a minute with no key, or none that works, that an address may make; 0: any number.
    pub failed_authentications_per_minute: u32,
}

/// How long idempotency keys are remembered.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// Hours after which a key may be forgotten.
    pub retention_hours: u64,
}

impl Idempotency {
    /// For how long a key is remembered at least.
    pub fn kept(&self) -> Duration {
        Duration::from_secs(self.retention_hours * 3_600)
    }
}

/// Where figures are to be had.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Whether they are served.
    pub enabled: bool,
    /// Address to listen on.
    pub host: String,
    /// Port to listen on; 0 for any free one.
    pub port: u16,
}

/// What is logged.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level, or a filter.
    pub level: String,
    /// For whom.
    pub format: LogFormat,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("log.format is \"{word}\"; it must be text or json")),
        }
    }
}

/// Settings that cannot be used; says which, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// One cannot be read, or is none.
    #[error(
        "The settings cannot be used: {0}. config/default.toml lists them; \
         DEVICES__SECTION__KEY overrides one."
    )]
    Unreadable(#[from] ConfigError),
    /// An environment that has no file.
    #[error("DEVICES_ENVIRONMENT is \"{0}\"; it must be development, production or test.")]
    UnknownEnvironment(String),
    /// One is out of its range.
    #[error("{variable} is {value}; it must be {wanted}.")]
    OutOfRange {
        /// The variable that sets it.
        variable: &'static str,
        /// What it is.
        value: String,
        /// What it must be.
        wanted: String,
    },
    /// There is no database to use.
    #[error(
        "No database is set. Set DEVICES__DATABASE__URL to a PostgreSQL URL such as \
         postgres://user:password@host/database, or start with `make run`, which brings its own."
    )]
    NoDatabase,
}

/// The files, as they were when the program was built: it runs without them.
const BUILT_IN: [(&str, &str); 4] = [
    ("default", include_str!("../../../../config/default.toml")),
    (
        "development",
        include_str!("../../../../config/development.toml"),
    ),
    (
        "production",
        include_str!("../../../../config/production.toml"),
    ),
    ("test", include_str!("../../../../config/test.toml")),
];

impl Settings {
    /// The settings of this process: the built-in defaults, then those of the environment that
    /// `DEVICES_ENVIRONMENT` names (development), then the same two files in the folder `config`
    /// where there is one, then `DEVICES__SECTION__KEY`.
    ///
    /// # Errors
    /// Where one is unknown, of the wrong kind or out of range.
    pub fn load() -> Result<Self, SettingsError> {
        let environment =
            std::env::var("DEVICES_ENVIRONMENT").unwrap_or_else(|_| "development".to_owned());
        Self::from_sources(
            &environment,
            Path::new("config"),
            Environment::with_prefix("DEVICES"),
        )
    }

    /// The built-in settings of an environment, with these variables in place of the process's own.
    ///
    /// # Errors
    /// Like [`load`](Self::load).
    pub fn of(environment: &str, variables: &[(&str, &str)]) -> Result<Self, SettingsError> {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self::from_sources(
            environment,
            Path::new("/dev/null"),
            Environment::with_prefix("DEVICES").source(Some(variables.collect())),
        )
    }

    fn from_sources(
        environment: &str,
        folder: &Path,
        variables: Environment,
    ) -> Result<Self, SettingsError> {
        let built_in = |wanted: &str| {
            let found = BUILT_IN.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, text)| File::from_str(text, FileFormat::Toml))
        };
        let (Some(default), Some(of_environment)) = (built_in("default"), built_in(environment))
        else {
            return Err(SettingsError::UnknownEnvironment(environment.to_owned()));
        };
        let on_disk = |name: &str| {
            let path = folder.join(name).with_extension("toml");
            File::from(path).format(FileFormat::Toml).required(false)
        };
        let settings: Self = Config::builder()
            .add_source(default)
            .add_source(of_environment)
            .add_source(on_disk("default"))
            .add_source(on_disk(environment))
            .add_source(
                variables
                    .prefix_separator("__")
                    .separator("__")
                    .try_parsing(true),
            )
            .build()?
            .try_deserialize()?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        if self.database.url.expose_secret().is_empty() {
            return Err(SettingsError::NoDatabase);
        }
        for (variable, host) in [
            ("DEVICES__SERVER__HOST", &self.server.host),
            ("DEVICES__METRICS__HOST", &self.metrics.host),
        ] {
            if host.is_empty() {
                return Err(SettingsError::OutOfRange {
                    variable,
                    value: "empty".to_owned(),
                    wanted: "an address or a host name, such as 127.0.0.1".to_owned(),
                });
            }
        }
        let header = &self.server.client_address_header;
        if !header.is_empty() && HeaderName::try_from(header).is_err() {
            return Err(SettingsError::OutOfRange {
                variable: "DEVICES__SERVER__CLIENT_ADDRESS_HEADER",
                value: format!("\"{header}\""),
                wanted: "the name of a header, such as X-Forwarded-For".to_owned(),
            });
        }
        if !is_log_filter(&self.log.level) {
            return Err(SettingsError::OutOfRange {
                variable: "DEVICES__LOG__LEVEL",
                value: format!("\"{}\"", self.log.level),
                wanted: "error, warn, info, debug or trace, or a filter such as \
                         info,actix_server=warn"
                    .to_owned(),
            });
        }
        let Limits {
            max_devices_per_batch,
            body_bytes,
            body_timeout_seconds,
            body_bytes_per_second,
            max_large_bodies,
            large_body_wait_ms,
            max_concurrent_exports,
            max_requests_in_flight,
            keys_per_workspace,
        } = self.limits;
        within(
            "DEVICES__LIMITS__MAX_DEVICES_PER_BATCH",
            max_devices_per_batch,
            1..=10_000,
        )?;
        within("DEVICES__LIMITS__BODY_BYTES", body_bytes, 1_024..=1 << 30)?;
        within(
            "DEVICES__LIMITS__BODY_TIMEOUT_SECONDS",
            body_timeout_seconds,
            1..=3_600,
        )?;
        within(
            "DEVICES__LIMITS__BODY_BYTES_PER_SECOND",
            body_bytes_per_second,
            1..=1 << 30,
        )?;
        within(
            "DEVICES__LIMITS__MAX_LARGE_BODIES",
            max_large_bodies,
            1..=10_000,
        )?;
        within(
            "DEVICES__LIMITS__LARGE_BODY_WAIT_MS",
            large_body_wait_ms,
            0..=60_000,
        )?;
        within(
            "DEVICES__LIMITS__MAX_CONCURRENT_EXPORTS",
            max_concurrent_exports,
            1..=10_000,
        )?;
        within(
            "DEVICES__LIMITS__MAX_REQUESTS_IN_FLIGHT",
            max_requests_in_flight,
            1..=1_000_000,
        )?;
        within(
            "DEVICES__LIMITS__KEYS_PER_WORKSPACE",
            keys_per_workspace,
            1..=1_000_000,
        )?;
        let RateLimit {
            requests_per_minute,
            failed_authentications_per_minute,
        } = self.rate_limit;
        within(
            "DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE",
            requests_per_minute,
            0..=1_000_000,
        )?;
        within(
            "DEVICES__RATE_LIMIT__FAILED_AUTHENTICATIONS_PER_MINUTE",
            failed_authentications_per_minute,
            0..=1_000_000,
        )?;
        within(
            "DEVICES__IDEMPOTENCY__RETENTION_HOURS",
            self.idempotency.retention_hours,
            1..=87_600,
        )?;
        let Database {
            pool_size,
            pool_timeout_ms,
            statement_timeout_ms,
            lock_timeout_ms,
            ..
        } = self.database;
        within("DEVICES__DATABASE__POOL_SIZE", pool_size, 1..=1_000)?;
        within(
            "DEVICES__DATABASE__POOL_TIMEOUT_MS",
            pool_timeout_ms,
            1..=60_000,
        )?;
        within(
            "DEVICES__DATABASE__STATEMENT_TIMEOUT_MS",
            statement_timeout_ms,
            1..=3_600_000,
        )?;
        within(
            "DEVICES__DATABASE__LOCK_TIMEOUT_MS",
            lock_timeout_ms,
            1..=3_600_000,
        )?;
        within(
            "DEVICES__SERVER__DRAIN_SECONDS",
            self.server.drain_seconds,
            0..=3_600,
        )?;
        within(
            "DEVICES__SERVER__SHUTDOWN_SECONDS",
            self.server.shutdown_seconds,
            1..=3_600,
        )
    }
}

/// A filter takes every word for a target, so that a mistyped level would silence everything.
fn is_log_filter(text: &str) -> bool {
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let is_part = |part: &str| part.contains('=') || is_level(part.trim());
    text.split(',').all(is_part) && EnvFilter::try_new(text).is_ok()
}

fn within<T: PartialOrd + Display>(
    variable: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), SettingsError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(SettingsError::OutOfRange {
        variable,
        value: value.to_string(),
        wanted: format!("from {} to {}", range.start(), range.end()),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn load(environment: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let url = ("DEVICES__DATABASE__URL", "postgres://localhost/devices");
        let variables = [&[url], variables].concat();
        Settings::of(environment, &variables).map_err(|error| error.to_string())
    }

    #[test]
    fn every_environment_has_settings_that_can_be_used() {
        for environment in ["development", "production", "test"] {
            let settings = load(environment, &[]).unwrap();
            assert_eq!(settings.server.port, 8080);
        }
    }

    #[test]
    fn a_variable_overrides_a_file() {
        let settings = load("production", &[("DEVICES__SERVER__PORT", "9000")]).unwrap();
        assert_eq!(settings.server.port, 9000);
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let error = load("development", &[("DEVICES__SERVER__PROT", "9000")]).unwrap_err();
        assert!(error.contains("prot"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_setting() {
        let error = load("development", &[("DEVICES__SERVER__PORT", "http")]).unwrap_err();
        assert!(
            error.contains("server.port") && error.contains("http"),
            "{error}"
        );
    }

    #[test]
    fn a_value_out_of_range_says_what_it_must_be() {
        assert_eq!(
            load("test", &[("DEVICES__LIMITS__MAX_DEVICES_PER_BATCH", "0")]).unwrap_err(),
            "DEVICES__LIMITS__MAX_DEVICES_PER_BATCH is 0; it must be from 1 to 10000."
        );
    }

    #[rstest]
    #[case("DEVICES__LOG__LEVEL", "loud")]
    #[case("DEVICES__LOG__LEVEL", "")]
    #[case("DEVICES__LOG__LEVEL", "a=b=c")]
    #[case("DEVICES__LOG__FORMAT", "xml")]
    #[case("DEVICES__DATABASE__POOLER", "session")]
    #[case("DEVICES__SERVER__HOST", "")]
    fn a_word_that_is_none_is_refused_with_its_setting(#[case] name: &str, #[case] value: &str) {
        let error = load("test", &[(name, value)]).unwrap_err();
        let setting = name
            .trim_start_matches("DEVICES__")
            .to_lowercase()
            .replace("__", ".");
        assert!(error.contains(name) || error.contains(&setting), "{error}");
    }

    #[test]
    fn log_levels_and_filters_are_taken() {
        for filter in ["warn", "DEBUG", "info,devices_api=debug,actix_server=off"] {
            assert!(
                load("test", &[("DEVICES__LOG__LEVEL", filter)]).is_ok(),
                "{filter}"
            );
        }
    }

    #[test]
    fn an_unknown_environment_and_a_missing_database_say_what_to_do() {
        let error = load("staging", &[]).unwrap_err();
        assert!(error.contains("development, production or test"));
        let error = load("test", &[("DEVICES__DATABASE__URL", "")]).unwrap_err();
        assert!(error.contains("DEVICES__DATABASE__URL"));
    }
}
