//! `serve`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use devices_adapters::postgres::{
    Database, PostgresKeys, PostgresRateLimiter, PostgresStore, RolePrivileges, SERVING_ROLE,
    SessionSettings, index_queued_devices, migrate, missing_settings_sql, non_durable_settings,
    purge_idempotency_keys, role_privileges,
};
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;

use super::{CliError, administered, check_schema, demo, output, serving};
use crate::http::{MetricsRecorder, MetricsServer, Ports, Server, State};
use crate::settings::{self, Log, LogFormat, Pooler, Settings};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    /// Make a workspace `demo` with users and two keys, keep the keys in this file, and print a
    /// request to try
    #[arg(long, value_name = "FILE")]
    demo_keys: Option<PathBuf>,
}

pub(super) async fn run(arguments: &Arguments, json: bool) -> Result<(), CliError> {
    let settings = Settings::load()?;
    start_log(&settings.log);
    // Shells often allow 1,024 open files, which is as many connections.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays what it is");
    }
    let url = settings.database.url.expose_secret();
    let migrates = settings.database.migrate_on_start;
    if migrates && settings.database.pooler == Pooler::Transaction {
        return Err(CliError::NoSession);
    }
    Database::probe(url)?;
    if migrates {
        for migration in migrate(url)? {
            tracing::info!(migration, "brought the schema up to date");
        }
    } else {
        check_schema(&settings)?;
    }
    let rights = role_privileges(url)?;
    let options = serving(&settings.database, rights.can_assume_role());
    if let Some(remedy) = missing_settings_sql(url, &options)? {
        return Err(CliError::Refused(remedy));
    }
    if let (SessionSettings::PerRole, Some(obstacle)) = (options.session, rights.cannot_assume_role)
    {
        let refusal = format!("The role {SERVING_ROLE} cannot serve: {obstacle}.");
        return Err(CliError::Refused(refusal));
    }
    let database = Database::new(url, &options)?;
    let ports = Ports {
        store: Arc::new(PostgresStore::new(database.clone())),
        keys: Arc::new(PostgresKeys::new(database.clone())),
        limiter: Arc::new(PostgresRateLimiter::new(database.clone())),
        health: Arc::new(database.clone()),
    };
    let server = Server::bind(State::new(ports, &settings), &settings.server)?;
    let figures = start_figures(&settings.metrics, &database)?;
    warn_of_excess(&rights);
    warn_of_losses(url)?;
    let address = format!("http://{}", reachable(server.addresses()));
    let demo_keys = match &arguments.demo_keys {
        Some(file) => {
            let database = administered(&settings)?;
            let most_keys = settings.limits.keys_per_workspace;
            Some((file, demo::prepare(&database, file, most_keys).await?))
        }
        None => None,
    };
    if json {
        output::line(serde_json::json!({ "address": address, "metrics": figures }))?;
    } else {
        output::line(format_args!(
            "Fleet Devices listens on {address} (stop it with Ctrl-C)\n\
             What it answers:         {address}/docs/"
        ))?;
        if let Some(figures) = &figures {
            output::line(format_args!("MetricsRecorder for Prometheus:  {figures}"))?;
        }
        if let Some((file, keys)) = &demo_keys {
            demo::print(&address, file, keys)?;
        }
    }
    actix_web::rt::spawn(forget(database.clone(), settings.idempotency.kept()));
    actix_web::rt::spawn(index(database));
    Ok(server.run().await?)
}

/// Says where the server was given more rights than serving needs.
fn warn_of_excess(rights: &RolePrivileges) {
    let excess = rights.surplus.join(", ");
    if let Some(obstacle) = rights.cannot_assume_role {
        tracing::warn!(
            user = rights.user,
            excess,
            obstacle,
            "connections cannot take on the role {SERVING_ROLE}, and keep all their rights on the \
             database"
        );
    } else if !excess.is_empty() {
        tracing::warn!(
            user = rights.user,
            excess,
            "the database's user may do more than serving needs; its connections give that up, but \
             could take it back: serve as a user with no rights but those of {SERVING_ROLE}"
        );
    }
}

/// Says where a crash could take back what was answered with 201.
fn warn_of_losses(url: &str) -> Result<(), CliError> {
    let settings = non_durable_settings(url)?.join(", ");
    if !settings.is_empty() {
        tracing::warn!(
            settings,
            "PostgreSQL may lose what it has committed when it or its machine crashes: set these to on"
        );
    }
    Ok(())
}

/// Where figures are served, if they are.
fn start_figures(
    settings: &settings::Metrics,
    database: &Database,
) -> Result<Option<String>, CliError> {
    if !settings.enabled {
        return Ok(None);
    }
    let database = database.clone();
    let figures = MetricsRecorder::install(Arc::new(move || database.connections()))?;
    let server = MetricsServer::bind(figures, &settings.host, settings.port)?;
    let address = format!("http://{}/metrics", reachable(server.addresses()));
    server.start();
    Ok(Some(address))
}

/// Forgets old idempotency keys, as long as the server runs.
async fn forget(database: Database, kept: Duration) {
    loop {
        match purge_idempotency_keys(&database, kept).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "forgot old idempotency keys"),
            Err(error) => tracing::warn!(%error, "old idempotency keys were not forgotten yet"),
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

/// Makes what new devices are found by, as long as the server runs: with all its might where little else is
/// written, and else for a twentieth of the time. A device costs more to index than to store, and is found
/// meanwhile.
async fn index(database: Database) {
    const MOST: usize = 500;
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);
    let mut most = MOST;
    loop {
        let (began, writes) = (Instant::now(), database.writes());
        match index_queued_devices(&database, most).await {
            Ok(0) => tokio::time::sleep(LONGEST_PAUSE).await,
            Ok(_) => {
                most = MOST.min(most * 2);
                if database.writes() - writes > 1 {
                    tokio::time::sleep(LONGEST_PAUSE.min(began.elapsed() * 19)).await;
                }
            }
            Err(error) => {
                // Long remarks take their time: fewer may be done before it is over.
                most = (most / 4).max(1);
                tracing::warn!(%error, most, "new devices are not indexed yet; they are found more slowly");
                tokio::time::sleep(LONGEST_PAUSE).await;
            }
        }
    }
}

/// An address that this machine can ask; "all addresses" is none.
fn reachable(addresses: &[SocketAddr]) -> String {
    addresses.first().map_or_else(String::new, |address| {
        let mut address = *address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        address.to_string()
    })
}

/// Lines go to standard error: standard output is for what was asked for.
fn start_log(log: &Log) {
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
    // Where it happened, and not what it says: that can hold a customer's value.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "a panic");
    }));
}
