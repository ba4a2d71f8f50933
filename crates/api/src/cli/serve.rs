//! Command `serve`.

mod endpoints;
mod start_entry;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use devices_adapters::postgres::{
    ConnectionSecurity, Database, PostgresFeedMonitor, PostgresKeys, PostgresRateLimiter,
    PostgresSearchIndex, PostgresSessions, PostgresStore, RolePrivileges, SessionSettings,
    connection_security, grant_serving_role, log_privacy_sql, merge_usage_changes, migrate,
    missing_settings_sql, non_durable_settings, purge_idempotency_keys, recount_usage,
    role_privileges, server_version,
};
use devices_domain::StoreHealth;
use secrecy::ExposeSecret;

pub(super) use endpoints::to_local;
use endpoints::{Endpoint, Pages};

use super::database_wait::wait_for_database;
use super::{CliError, check_schema, log, process_one, serving_options, setup};
use crate::http::{EventWaits, MetricsRecorder, MetricsServer, Ports, Server, State, UpdateGauges};
use crate::jobs;
use crate::settings::{self, Idempotency, LogFormat, Pooler, RateLimit, Settings};

/// Serves until the process is stopped. `environment` is the name of the environment that selects
/// settings.
pub(super) async fn run(
    settings: &Settings,
    environment: &str,
    json: bool,
) -> Result<(), CliError> {
    log::start(&settings.log);
    check_pooler(&settings.database)?;
    wait_for_database(&settings.database).await?;
    let url = settings.database.url.expose_secret();
    start_entry::log(settings, environment, &server_version(url)?);
    // Shells often limit a process to 1,024 open files, and each connection is one.
    let max_open_files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot raise the limit of open files");
        rlimit::Resource::NOFILE.get_soft().unwrap_or(1_024)
    });
    let advice = prepare_schema(settings)?;
    if settings.database.migrate_on_start {
        setup::bootstrap(settings).await?;
    }
    let privileges = role_privileges(url, settings.database.serving_role())?;
    let database = open_database(&settings.database, &privileges)?;
    let ports = Ports {
        store: Arc::new(PostgresStore::new(database.clone(), settings.quotas())),
        keys: Arc::new(PostgresKeys::new(database.clone())),
        sessions: Arc::new(PostgresSessions::new(&database)),
        limiter: Arc::new(PostgresRateLimiter::new(database.clone())),
        health: Arc::new(database.clone()),
    };
    let state = State::new(ports, settings);
    let event_waits = state.event_waits();
    let server = Server::bind(state, settings, max_open_files)?;
    let metrics = start_metrics(&settings.metrics, &database, server.usage())?;
    for advice in advice {
        tracing::warn!("{advice}");
    }
    warn_about_surplus_privileges(&privileges);
    warn_about_lost_commits(url)?;
    warn_about_logged_values(&settings.database, &privileges)?;
    warn_about_network(url)?;
    warn_about_missing_rate_limits(&settings.rate_limit, server.addresses());
    let api = Endpoint::new(server.addresses(), "");
    let format = if json {
        LogFormat::Json
    } else {
        settings.log.format
    };
    let pages = Pages {
        console: settings.web.enabled,
        docs: settings.server.docs_enabled,
    };
    endpoints::print(format, &api, pages, metrics.as_ref())?;
    start_jobs(&database, &settings.idempotency);
    start_feed_jobs(&database, event_waits);
    process_one::handled_by_server();
    let result = server.run().await;
    #[cfg(feature = "otlp")]
    super::otlp::shut_down();
    Ok(result?)
}

/// Rejects settings with which the server would update the schema through a pooler.
fn check_pooler(settings: &settings::Database) -> Result<(), CliError> {
    if settings.migrate_on_start && settings.pooler == Pooler::Transaction {
        return Err(CliError::MigrationThroughPooler);
    }
    Ok(())
}

/// Updates the schema, or checks that it is up to date if the server must not update it.
///
/// Returns advice about the serving role.
fn prepare_schema(settings: &Settings) -> Result<Vec<String>, CliError> {
    let url = settings.database.url.expose_secret();
    if !settings.database.migrate_on_start {
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
    http_usage: UpdateGauges,
) -> Result<Option<Endpoint>, CliError> {
    if !settings.enabled {
        return Ok(None);
    }
    let database = database.clone();
    let recorder = MetricsRecorder::install(Arc::new(move || {
        database.record_usage();
        http_usage();
    }))?;
    let server = MetricsServer::bind(recorder, &settings.host, settings.port)?;
    let endpoint = Endpoint::new(server.addresses(), "/metrics");
    server.start();
    Ok(Some(endpoint))
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
    let sessions = Arc::new(PostgresSessions::new(database));
    actix_web::rt::spawn(jobs::purge_console_sessions::run(sessions));
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
