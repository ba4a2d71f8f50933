//! Settings from built-in files, files on disk, and the environment.
//!
//! A setting is declared in two places: here, with its type, rule and documentation, and in
//! `config/default.toml`, with its default. `docs/CONFIGURATION.md` is generated from both.

mod declaration;
mod error;
mod files;
mod log_format;
mod merged;
mod rules;
mod sources;
#[cfg(test)]
mod tests;
mod variable_names;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use devices_domain::Quotas;
use secrecy::SecretString;
use serde::Deserialize;

pub use declaration::{Field, Section};
pub use error::{Origin, SettingsError};
pub use files::Position;
pub use log_format::LogFormat;
pub use merged::{Entry, MergedSettings};
use rules::{
    Choice, Host, LogFilter, OptionalHeaderName, OptionalLabel, OptionalPath, OptionalRoleName,
    PostgresUrl, TrueOrFalse,
};
pub(crate) use rules::{is_label, is_workspace_name};
pub use sources::{Source, Sources};

declaration::settings! {
    /// HTTP server and its shutdown.
    server: Server {
        /// Address or host name to listen on.
        host: String => Host,
        /// Port to listen on. 0 selects any free port.
        port: u16 => 0..=u16::MAX,
        /// Seconds after SIGTERM or Ctrl-C in which `/readyz` returns 503 and requests are still
        /// accepted, so that proxies can notice.
        drain_seconds: u64 => 0..=3_600,
        /// Seconds that requests in progress get to finish after `drain_seconds`.
        shutdown_seconds: u64 => 1..=3_600,
        /// Maximum number of open connections, over all workers. Shortly before it is reached, the
        /// server closes connections that wait for their clients: first those of the address with
        /// most connections, and among these the ones that have waited longest. It is lowered if
        /// the process may not open so many files.
        max_connections: usize => 16..=1_000_000,
        /// Seconds in which a client must send the head of a request. After that, the response is a
        /// 408, and the connection is closed.
        head_timeout_seconds: u64 => 1..=3_600,
        /// Seconds after which a connection without a request is closed. Behind a proxy, it must
        /// be longer than the time for which the proxy keeps idle connections: otherwise the proxy
        /// sends requests on connections that are being closed.
        keep_alive_seconds: u64 => 1..=86_400,
        /// Header in which a proxy names the client's address, such as `X-Forwarded-For`. The last
        /// entry counts. Set it only if every request passes that proxy. If it is empty, the client
        /// is the address that connects.
        client_address_header: String => OptionalHeaderName,
        /// Serves the API page at `/docs/`. `/openapi.json` and `/openapi.yaml` are always served.
        docs_enabled: bool => TrueOrFalse,
    }

    /// Connections to PostgreSQL.
    database: Database {
        /// URL of PostgreSQL. May contain a password.
        url: SecretString => PostgresUrl,
        /// File that contains the URL of PostgreSQL, instead of `url`: a secret of a container, or
        /// a credential of systemd. A newline at its end is ignored.
        url_file: PathBuf => OptionalPath,
        /// Seconds that `serve`, `migrate` and `setup` wait for a PostgreSQL that does not accept
        /// connections yet. They fail at once if it rejects the password, the role or the database.
        wait_seconds: u64 => 0..=3_600,
        /// Maximum number of connections of the pool, which workspaces share fairly: one of them
        /// uses at most half. The server has one more connection for `/readyz`.
        pool_size: u32 => 1..=1_000,
        /// Milliseconds that a request waits for a connection, or behind batches of its workspace
        /// that are being stored. After that, the response is a 503. Other workspaces do not make a
        /// request wait that long unless all connections are in use.
        pool_timeout_ms: u64 => 1..=60_000,
        /// Milliseconds after which PostgreSQL ends a statement. The response is a 503. If
        /// PostgreSQL itself hangs, the server abandons the statement after twice this time plus
        /// `pool_timeout_ms`.
        statement_timeout_ms: u64 => 1..=3_600_000,
        /// Milliseconds after which PostgreSQL ends a statement that waits for another transaction.
        /// The response is a 503. PostgreSQL looks for deadlocks after one second
        /// (`deadlock_timeout`). They are retried only if this timeout is longer.
        lock_timeout_ms: u64 => 1..=3_600_000,
        /// Updates the schema when `serve` starts.
        migrate_on_start: bool => TrueOrFalse,
        /// Role that the server's connections assume, with only the privileges that serving needs.
        /// `migrate` creates it and grants its privileges. If it is empty, the role is
        /// `fleet_devices_serving_<database>`, cut to 63 bytes. Each database needs a role of its
        /// own.
        serving_role: String => OptionalRoleName,
        /// Pooler between the server and PostgreSQL: `transaction` if the URL names one such as
        /// PgBouncer with `pool_mode = transaction`. The session settings must then be set on the
        /// server's role (`serve` prints the missing ones), and `migrate` needs the URL of
        /// PostgreSQL itself.
        pooler: Pooler => Choice,
    }

    /// First workspace and key. Both settings are set, or neither.
    bootstrap: Bootstrap {
        /// Name of the workspace that is created if there is none: by `serve` if it updates the
        /// schema (`migrate_on_start`), and by `setup`.
        workspace: String => OptionalLabel,
        /// Path of a new file that receives the secret of the first key of this workspace. Only its
        /// owner may read it.
        key_file: PathBuf => OptionalPath,
    }

    /// Limits of requests and workspaces.
    #[derive(Copy)]
    limits: Limits {
        /// Maximum number of devices per batch.
        max_devices_per_batch: usize => 1..=10_000,
        /// Maximum size of a body in bytes.
        body_bytes: usize => 1_024..=1 << 30,
        /// Seconds in which a client must send its body. After that, the response is a 408.
        body_timeout_seconds: u64 => 1..=3_600,
        /// Minimum rate of a body in bytes per second, on average after the first two seconds.
        /// Otherwise the response is a 408. A body with a `Content-Length` must also keep the rate
        /// that completes it within `body_timeout_seconds`.
        body_bytes_per_second: u64 => 1..=1 << 30,
        /// Seconds for which a client may stop reading its response. After that, the connection is
        /// reset. Reading restores the time, at `response_bytes_per_second`.
        response_stall_seconds: u64 => 1..=3_600,
        /// Minimum rate in bytes per second at which a client must read a response, on average
        /// after `response_stall_seconds`. Time in which the server does not wait for the client
        /// does not count.
        response_bytes_per_second: u64 => 1..=1 << 30,
        /// Maximum number of bytes of responses that wait for their clients in memory, over all
        /// connections. Beyond it, the connections that have stalled longest are reset.
        max_unsent_bytes: usize => 1 << 20..=1 << 40,
        /// Maximum number of bodies of 64 KiB or more in memory at once, without files that are
        /// imported. A workspace holds at most half of them, two hold at most three quarters, and
        /// so on.
        max_large_bodies: usize => 1..=10_000,
        /// Milliseconds that a further large body waits before it is read. After that, the response
        /// is a 503.
        large_body_wait_ms: u64 => 0..=60_000,
        /// Maximum size in bytes of a file that is imported. Its timeout is
        /// `body_timeout_seconds` x `max_import_bytes` / `body_bytes` (40 s by default), at most
        /// 60 seconds or `body_timeout_seconds`, whichever is longer. As many files of 64 KiB or
        /// more arrive at once as take the memory of `max_large_bodies` bodies, but at least two.
        max_import_bytes: usize => 1_024..=1 << 30,
        /// Maximum number of rows of a file that is imported, in one transaction. All rows must be
        /// stored within `pool_timeout_ms` + 2 x `statement_timeout_ms`. Otherwise the response is
        /// a 503.
        max_import_rows: usize => 1..=100_000,
        /// Maximum number of files that are parsed and stored at once, after they have arrived. A
        /// workspace holds at most half of them, two hold at most three quarters, and so on. A
        /// further file waits like a large body. After that, the response is a 503.
        max_concurrent_imports: usize => 1..=10_000,
        /// Maximum number of concurrent exports. A workspace holds at most half of them, two hold
        /// at most three quarters, and so on. The response to a further one is a 503.
        max_concurrent_exports: usize => 1..=10_000,
        /// Maximum number of requests in progress, without those whose body is still arriving. A
        /// workspace holds at most half of them, two hold at most three quarters, and so on. The
        /// response to a further one is a 503.
        max_requests_in_flight: usize => 1..=1_000_000,
        /// Maximum number of requests that wait for events (`Prefer: wait`). They do not count as
        /// requests in progress. A workspace holds at most half of them, two hold at most three
        /// quarters, and so on. A further one does not wait.
        max_waiting_requests: usize => 1..=1_000_000,
        /// Maximum number of active keys per workspace. A key that replaces another does not count
        /// while both are active. The response to a further one is a 400, `KEY_QUOTA_EXCEEDED`.
        keys_per_workspace: u32 => 1..=1_000_000,
        /// Maximum number of active users per workspace. The response to a further one is a 400,
        /// `USER_QUOTA_EXCEEDED`.
        users_per_workspace: u64 => 1..=1_000_000_000,
        /// Maximum number of active enrolments per workspace. The response to a further one is a
        /// 400, `ENROLLMENT_QUOTA_EXCEEDED`.
        enrollments_per_workspace: u64 => 1..=1_000_000_000,
    }

    /// Web console at `/ui/`.
    #[derive(Copy)]
    web: Web {
        /// Serves the web console. Browsers that open `/` are then led to it.
        enabled: bool => TrueOrFalse,
    }

    /// Rate limits.
    #[derive(Copy)]
    rate_limit: RateLimit {
        /// Requests per minute and key, over all servers on the database. 0 disables the limit.
        requests_per_minute: u32 => 0..=1_000_000,
        /// Requests per minute of all keys of a workspace together, over all servers on the
        /// database. 0 disables the limit.
        workspace_requests_per_minute: u32 => 0..=1_000_000,
        /// Requests per minute and address without a valid key. 0 disables the limit. Behind a
        /// proxy, set `client_address_header`: otherwise all clients count as one address. Valid
        /// keys are not locked out.
        failed_authentications_per_minute: u32 => 0..=1_000_000,
    }

    /// Retries of requests with an `Idempotency-Key`.
    idempotency: Idempotency {
        /// Hours for which the response to such a request is stored.
        retention_hours: u64 => 1..=87_600,
        /// Maximum number of bytes of the responses stored per workspace. Beyond it, the response
        /// to a batch with a new `Idempotency-Key` is a 503. Stored responses are kept.
        bytes_per_workspace: u64 => 1_024..=1 << 50,
    }

    /// Log, on standard error.
    log: Log {
        /// Level, or levels by target. The default disables `actix_http`, which logs an error for
        /// all input that is not HTTP, and anybody can send that.
        level: String => LogFilter,
        /// Format: `text` for people, `json` for programs, with one object per line.
        format: LogFormat => Choice,
    }

    /// Prometheus metrics at `/metrics` on a port of their own, which must not be public.
    metrics: Metrics {
        /// Serves the metrics.
        enabled: bool => TrueOrFalse,
        /// Address or host name to listen on.
        host: String => Host,
        /// Port to listen on. 0 selects any free port, which the server prints when it starts.
        port: u16 => 0..=u16::MAX,
    }
}

impl Database {
    /// Returns the name of the serving role, or `None` for the default of the database.
    pub fn serving_role(&self) -> Option<&str> {
        Some(self.serving_role.as_str()).filter(|name| !name.is_empty())
    }
}

impl Bootstrap {
    /// Returns the name of the first workspace and the file for the secret of its key, if they are
    /// set.
    pub fn first_workspace(&self) -> Option<(&str, &Path)> {
        let is_set = !self.workspace.is_empty() && !self.key_file.as_os_str().is_empty();
        is_set.then_some((self.workspace.as_str(), self.key_file.as_path()))
    }

    /// Returns the key of the setting that is missing beside the other one, and what it must be.
    fn missing(&self) -> Option<(&'static str, String)> {
        let beside = |other: &str| format!("set, because {} is", declaration::variable_of(other));
        match (
            self.workspace.is_empty(),
            self.key_file.as_os_str().is_empty(),
        ) {
            (false, true) => Some(("bootstrap.key_file", beside("bootstrap.workspace"))),
            (true, false) => Some(("bootstrap.workspace", beside("bootstrap.key_file"))),
            _ => None,
        }
    }
}

/// Pooler between this program and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pooler {
    /// No pooler: each connection has a session of its own.
    None,
    /// A pooler that assigns a session per transaction, such as PgBouncer with
    /// `pool_mode = transaction`.
    Transaction,
}

/// Maximum timeout of an upload, unless that of other bodies is longer.
const MAX_IMPORT_TIMEOUT: Duration = Duration::from_secs(60);

impl Limits {
    /// Returns the time in which a client must send its body.
    pub fn body_deadline(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds)
    }

    /// Returns the timeout of an upload: `body_timeout_seconds`, scaled by
    /// `max_import_bytes / body_bytes`, up to a minute.
    pub fn import_deadline(&self) -> Duration {
        let proportion = self.max_import_bytes as f64 / self.body_bytes as f64;
        let scaled = self.body_deadline().mul_f64(proportion.max(1.0));
        scaled.min(MAX_IMPORT_TIMEOUT.max(self.body_deadline()))
    }

    /// Returns the maximum number of large files that arrive at once, so that they take the memory
    /// of `max_large_bodies` bodies. At least 2: with one, a slow client would lock out all others.
    pub fn max_uploads(&self) -> usize {
        let bytes = self.max_large_bodies.saturating_mul(self.body_bytes);
        (bytes / self.max_import_bytes).max(2)
    }
}

impl Idempotency {
    /// Returns the minimum time for which responses are stored.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_hours * 3_600)
    }
}

/// Configuration files. They are built in, so that the binary runs without them.
const FILES: [(&str, &str); 4] = [
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
    /// Loads the settings of this process from its [`Sources`]. `config_file` is the argument of
    /// `--config`.
    ///
    /// # Errors
    /// A setting is unknown, of the wrong type, or not allowed. The message names it.
    pub fn load(config_file: Option<&Path>) -> Result<Self, SettingsError> {
        Sources::of_process(config_file)?.merge()?.settings()
    }

    /// Loads the built-in settings of an environment and `variables`. Ignores the files on disk and
    /// the variables of this process.
    ///
    /// # Errors
    /// Like [`load`](Self::load).
    pub fn for_environment(
        environment: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self, SettingsError> {
        Sources::built_in(environment, variables)
            .merge()?
            .settings()
    }

    /// Returns the text of a built-in file, such as `default` or `production`.
    pub fn built_in_file(name: &str) -> Option<&'static str> {
        let file = FILES.iter().find(|(file, _)| *file == name);
        file.map(|(_, text)| *text)
    }

    /// Returns the quotas of each workspace.
    pub fn quotas(&self) -> Quotas {
        Quotas {
            users: self.limits.users_per_workspace,
            enrollments: self.limits.enrollments_per_workspace,
            keys: self.limits.keys_per_workspace,
            response_bytes: self.idempotency.bytes_per_workspace,
        }
    }
}
