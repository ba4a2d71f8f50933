//! Command `serve`.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use devices_adapters::postgres::{
    ConnectionSecurity, Database, PostgresFeedMonitor, PostgresKeys, PostgresRateLimiter,
    PostgresSearchIndex, PostgresStore, RolePrivileges, SessionSettings, connection_security,
    grant_serving_role, log_privacy_sql, merge_usage_changes, migrate, missing_settings_sql,
    non_durable_settings, purge_idempotency_keys, recount_usage, role_privileges,
};
use devices_domain::StoreHealth;
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;

use super::database_wait::wait_for_database;
use super::{CliError, check_schema, output, process_one, serving_options, setup};
use crate::http::{EventWaits, MetricsRecorder, MetricsServer, Ports, Server, State};
use crate::jobs;
use crate::settings::{self, Idempotency, Log, LogFormat, Pooler, RateLimit, Settings};

/// Serves until the process is stopped.
pub(super) async fn run(settings: &Settings, json: bool) -> Result<(), CliError> {
    start_log(&settings.log);
    // Shells often limit a process to 1,024 open files, and each connection is one.
    let max_open_files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot raise the limit of open files");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(1_024)
    });
    let url = settings.database.url.expose_secret();
    let advice = prepare_schema(settings).await?;
    if settings.database.migrate_on_start {
        setup::bootstrap(settings).await?;
    }
    let privileges = role_privileges(url, settings.database.serving_role())?;
    let database = open_database(&settings.database, &privileges)?;
    let ports = Ports {
        store: Arc::new(PostgresStore::new(database.clone(), settings.quotas())),
        keys: Arc::new(PostgresKeys::new(database.clone())),
        limiter: Arc::new(PostgresRateLimiter::new(database.clone())),
        health: Arc::new(database.clone()),
    };
    let state = State::new(ports, settings);
    let event_waits = state.event_waits();
    let server = Server::bind(state, settings, max_open_files)?;
    let metrics = start_metrics(&settings.metrics, &database)?;
    for advice in advice {
        tracing::warn!("{advice}");
    }
    warn_about_surplus_privileges(&privileges);
    warn_about_lost_commits(url)?;
    warn_about_logged_values(&settings.database, &privileges)?;
    warn_about_network(url)?;
    warn_about_missing_rate_limits(&settings.rate_limit, server.addresses());
    let api = Endpoint::new(server.addresses(), "");
    print_endpoints(&api, settings.server.docs_enabled, metrics.as_ref(), json)?;
    start_jobs(&database, &settings.idempotency);
    start_feed_jobs(&database, event_waits);
    process_one::handled_by_server();
    Ok(server.run().await?)
}

/// Updates the schema, or checks that it is up to date if the server must not update it.
///
/// Returns advice about the serving role.
async fn prepare_schema(settings: &Settings) -> Result<Vec<String>, CliError> {
    let url = settings.database.url.expose_secret();
    let migrates = settings.database.migrate_on_start;
    if migrates && settings.database.pooler == Pooler::Transaction {
        return Err(CliError::MigrationThroughPooler);
    }
    wait_for_database(&settings.database).await?;
    if !migrates {
        check_schema(settings)?;
        return Ok(Vec::new());
    }
    for migration in migrate(url)? {
        tracing::info!(migration, "updated the schema");
    }
    Ok(grant_serving_role(url, settings.database.serving_role())?)
}

/// Opens the database with the privileges that serving needs.
fn open_database(
    settings: &settings::Database,
    privileges: &RolePrivileges,
) -> Result<Database, CliError> {
    let url = settings.url.expose_secret();
    let options = serving_options(settings, privileges.can_assume_role());
    if let Some(missing) = missing_settings_sql(url, &options)? {
        return Err(CliError::Rejected(missing));
    }
    if let (SessionSettings::PerRole, Some(reason)) =
        (options.session, &privileges.cannot_assume_role)
    {
        let role = &privileges.serving_role;
        let message = format!("cannot serve as the role {role}: {reason}.");
        return Err(CliError::Rejected(message));
    }
    Ok(Database::new(url, &options)?)
}

fn warn_about_surplus_privileges(privileges: &RolePrivileges) {
    let surplus = privileges.surplus.join(", ");
    let role = &privileges.serving_role;
    if let Some(reason) = &privileges.cannot_assume_role {
        tracing::warn!(
            user = privileges.user,
            surplus,
            reason,
            "connections cannot assume the role {role} and keep all privileges of their user"
        );
    } else if !surplus.is_empty() {
        tracing::warn!(
            user = privileges.user,
            surplus,
            "the database user has more privileges than serving needs; its connections give them \
             up, but could take them back: serve as a user with only the role {role}"
        );
    }
}

/// Warns if a crash could revert transactions that were reported as committed.
fn warn_about_lost_commits(url: &str) -> Result<(), CliError> {
    let settings = non_durable_settings(url)?.join(", ");
    if !settings.is_empty() {
        tracing::warn!(
            settings,
            "PostgreSQL may lose committed transactions when it or its machine crashes: set these \
             to on"
        );
    }
    Ok(())
}

/// Warns if clients on other machines can send any number of requests.
fn warn_about_missing_rate_limits(settings: &RateLimit, addresses: &[SocketAddr]) {
    let disabled: Vec<_> = [
        ("REQUESTS_PER_MINUTE", settings.requests_per_minute),
        (
            "WORKSPACE_REQUESTS_PER_MINUTE",
            settings.workspace_requests_per_minute,
        ),
        (
            "FAILED_AUTHENTICATIONS_PER_MINUTE",
            settings.failed_authentications_per_minute,
        ),
    ]
    .into_iter()
    .filter(|(_, limit)| *limit == 0)
    .map(|(name, _)| format!("DEVICES__RATE_LIMIT__{name}"))
    .collect();
    let is_local = |address: &SocketAddr| address.ip().is_loopback();
    if !disabled.is_empty() && !addresses.iter().all(is_local) {
        let disabled = disabled.join(", ");
        tracing::warn!(
            disabled,
            ?addresses,
            "other machines can connect, and rate limits are off: set these, or serve with \
             DEVICES_ENVIRONMENT=production"
        );
    }
}

/// Warns if PostgreSQL's log contains values of customers.
fn warn_about_logged_values(
    settings: &settings::Database,
    privileges: &RolePrivileges,
) -> Result<(), CliError> {
    let options = serving_options(settings, privileges.can_assume_role());
    let statements = log_privacy_sql(settings.url.expose_secret(), &options)?;
    if !statements.is_empty() {
        let statements = statements.join("; ");
        tracing::warn!(
            statements,
            "PostgreSQL's log may contain customers' values: run these statements as a superuser"
        );
    }
    Ok(())
}

/// Warns if others on the network could read or change what is sent to the database.
fn warn_about_network(url: &str) -> Result<(), CliError> {
    match connection_security(url)? {
        ConnectionSecurity::Local | ConnectionSecurity::Verified => {}
        ConnectionSecurity::Unencrypted => tracing::warn!(
            "the connection to the database is not encrypted and leaves this machine: enable TLS in \
             PostgreSQL, and set sslmode=verify-full in the URL"
        ),
        ConnectionSecurity::Unverified => tracing::info!(
            "the connection to the database is encrypted, but the server's certificate is not \
             verified: set sslmode=verify-full and sslrootcert in the URL"
        ),
    }
    Ok(())
}

/// Serves the metrics if they are enabled. Returns their endpoint.
fn start_metrics(
    settings: &settings::Metrics,
    database: &Database,
) -> Result<Option<Endpoint>, CliError> {
    if !settings.enabled {
        return Ok(None);
    }
    let database = database.clone();
    let recorder = MetricsRecorder::install(Arc::new(move || database.connections()))?;
    let server = MetricsServer::bind(recorder, &settings.host, settings.port)?;
    let endpoint = Endpoint::new(server.addresses(), "/metrics");
    server.start();
    Ok(Some(endpoint))
}

fn print_endpoints(
    api: &Endpoint,
    has_docs: bool,
    metrics: Option<&Endpoint>,
    json: bool,
) -> Result<(), CliError> {
    let address = &api.url;
    if json {
        let metrics = metrics.map(|metrics| &metrics.url);
        return output::print_line(serde_json::json!({ "address": address, "metrics": metrics }));
    }
    output::print_line(format_args!(
        "Fleet Devices listens on {address}{} (stop it with Ctrl-C)",
        api.note()
    ))?;
    if has_docs {
        output::print_line(format_args!("API page: {address}/docs/"))?;
    }
    metrics.map_or(Ok(()), |metrics| {
        output::print_line(format_args!("Metrics: {}{}", metrics.url, metrics.note()))
    })
}

/// Interval between two recounts of what a workspace stores.
const RECOUNT_INTERVAL: Duration = Duration::from_secs(24 * 3_600);

/// Runs the background jobs until the process ends.
fn start_jobs(database: &Database, idempotency: &Idempotency) {
    let health = database.clone();
    actix_web::rt::spawn(jobs::check_health::run(move || {
        let health = health.clone();
        async move { health.ping().await }
    }));
    let retention = idempotency.retention();
    let purge_database = database.clone();
    actix_web::rt::spawn(jobs::purge_idempotency_keys::run(move || {
        let database = purge_database.clone();
        async move { purge_idempotency_keys(&database, retention).await }
    }));
    let index = Arc::new(PostgresSearchIndex::new(database.clone()));
    actix_web::rt::spawn(jobs::measure_backlog::run(index.clone()));
    let write_counter = database.clone();
    actix_web::rt::spawn(jobs::index_devices::run(index, move || {
        write_counter.writes()
    }));
    let merge_database = database.clone();
    actix_web::rt::spawn(jobs::usage_counts::run_merges(move || {
        let database = merge_database.clone();
        async move { merge_usage_changes(&database).await }
    }));
    let recount_database = database.clone();
    actix_web::rt::spawn(jobs::usage_counts::run_recounts(move || {
        let database = recount_database.clone();
        async move { recount_usage(&database, RECOUNT_INTERVAL).await }
    }));
}

/// Runs the background jobs of the event feeds until the process ends.
fn start_feed_jobs(database: &Database, event_waits: Arc<EventWaits>) {
    let monitor = Arc::new(PostgresFeedMonitor::new(database.clone()));
    actix_web::rt::spawn(jobs::measure_feed_lag::run(monitor.clone()));
    actix_web::rt::spawn(jobs::poll_events::run(event_waits, monitor));
}

/// Address on which a server listens.
struct Endpoint {
    /// URL at which this machine reaches the server. The loopback address replaces the unspecified
    /// one.
    url: String,
    is_on_all_addresses: bool,
}

impl Endpoint {
    fn new(addresses: &[SocketAddr], path: &str) -> Self {
        let address = addresses.first().copied();
        Self {
            url: format!(
                "http://{}{path}",
                address.map_or_else(String::new, to_local)
            ),
            is_on_all_addresses: address.is_some_and(|address| address.ip().is_unspecified()),
        }
    }

    /// Returns a note for people: the URL names one address, even if the server listens on all.
    fn note(&self) -> &'static str {
        if self.is_on_all_addresses {
            " (all addresses)"
        } else {
            ""
        }
    }
}

/// Returns the address at which this machine reaches a server that listens on `address`.
pub(super) fn to_local(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address.to_string()
}

/// Starts the log. It goes to standard error, because standard output is the output of the command.
pub(super) fn start_log(log: &Log) {
    let filter = EnvFilter::new(&log.level);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match log.format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    // Logs the location but not the message of a panic, which can contain a customer's value.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1:8080", "http://127.0.0.1:8080/metrics", "")]
    #[case("0.0.0.0:8080", "http://127.0.0.1:8080/metrics", " (all addresses)")]
    #[case("[::]:8080", "http://[::1]:8080/metrics", " (all addresses)")]
    fn endpoint_is_reachable_from_this_machine(
        #[case] bound: SocketAddr,
        #[case] url: &str,
        #[case] note: &str,
    ) {
        let endpoint = Endpoint::new(&[bound], "/metrics");
        assert_eq!((endpoint.url.as_str(), endpoint.note()), (url, note));
    }
}
