//! `serve`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use devices_adapters::postgres::{Database, PostgresDeviceRepositories, PostgresKeys, migrate};
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;

use super::{CliError, check_schema, connect, demo, output};
use crate::http::{Server, State};
use crate::settings::{Log, LogFormat, Settings};

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
    let url = settings.database.url.expose_secret();
    Database::probe(url)?;
    if settings.database.migrate_on_start {
        for migration in migrate(url)? {
            tracing::info!(migration, "brought the schema up to date");
        }
    } else {
        check_schema(&settings)?;
    }
    let database = connect(&settings)?;
    let keys = Arc::new(PostgresKeys::new(database.clone()));
    let state = State::new(
        Arc::new(PostgresDeviceRepositories::new(database.clone())),
        keys,
        Arc::new(database.clone()),
        settings.limits,
    );
    let server = Server::bind(state, &settings.server)?;
    let address = format!("http://{}", reachable(&server));
    let demo_keys = match &arguments.demo_keys {
        Some(file) => Some((file, demo::prepare(&database, file).await?)),
        None => None,
    };
    if json {
        output::line(serde_json::json!({ "address": address }))?;
    } else {
        output::line(format_args!(
            "Fleet Devices listens on {address} (stop it with Ctrl-C)\n\
             What it answers:         {address}/docs/"
        ))?;
        if let Some((file, keys)) = &demo_keys {
            demo::print(&address, file, keys)?;
        }
    }
    Ok(server.run().await?)
}

/// An address that this machine can ask; "all addresses" is none.
fn reachable(server: &Server) -> String {
    server
        .addresses()
        .first()
        .map_or_else(String::new, |address| {
            let mut address = *address;
            if address.ip().is_unspecified() {
                address.set_ip(match address {
                    std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                    std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
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
