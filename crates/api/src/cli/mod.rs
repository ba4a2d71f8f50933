//! Command line: the server and the admin commands.

mod admin;
mod completions;
mod config;
mod database_wait;
mod healthcheck;
mod log;
mod man;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod process_one;
mod serve;
mod setup;
mod usage_error;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use devices_adapters::postgres::{
    ConnectError, Database, DatabaseOptions, MigrationError, SessionSettings, grant_serving_role,
};
use devices_domain::{KeyError, RepositoryError};
use secrecy::ExposeSecret;

use self::database_wait::wait_for_database;
use crate::http::BindError;
use crate::settings::{self, Pooler, Settings, SettingsError, Sources};

/// Registry of external IT devices with an HTTP API.
///
/// Settings come from config/*.toml, from the file of --config, and from variables named
/// DEVICES__SECTION__KEY, such as DEVICES__DATABASE__URL and DEVICES__SERVER__PORT.
#[expect(clippy::doc_markdown, reason = "`--help` prints the text as it is")]
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Read settings from this TOML file, which overrides config/*.toml; variables override it
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API (the default command)
    Serve,
    /// Update the database schema; several processes may run this at once
    Migrate,
    /// Prepare an empty database: schema, roles, the first workspace and its first key
    ///
    /// Run it as the owner of the database. It can be repeated any time: it keeps what exists, and
    /// prints it.
    Setup(setup::Arguments),
    /// Check that the server on this machine is ready; exits with 0 or 1
    ///
    /// Needs only the section `server` of the settings.
    Healthcheck(healthcheck::Arguments),
    /// Check and list the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Print a script with which a shell completes commands and options
    ///
    /// For bash, put it into /usr/share/bash-completion/completions/devices-api.
    Completions(completions::Arguments),
    /// Write the man pages of all commands into a directory
    #[command(hide = true)]
    Man(man::Arguments),
    #[command(flatten)]
    Admin(admin::Command),
}

/// Failure of a command. The message states the problem and how to solve it.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("cannot use the database: {} {}", to_sentence(.0), connect_advice(.0))]
    Connect(#[from] ConnectError),
    #[error(
        "cannot update the schema through a pooler, because that needs a session of its own. Run \
         `devices-api migrate` with the URL of PostgreSQL itself and \
         DEVICES__DATABASE__POOLER=none, and set DEVICES__DATABASE__MIGRATE_ON_START=false."
    )]
    MigrationThroughPooler,
    #[error("cannot update the schema: {0}")]
    Migrate(#[source] MigrationError),
    #[error(
        "{0}. Nothing was changed. Use that version, or restore a backup from before the update."
    )]
    NewerSchema(#[source] MigrationError),
    #[error("the schema is out of date (missing: {0}). Run `devices-api migrate` first.")]
    PendingMigrations(String),
    #[error(
        "no response from the database: {} Check that PostgreSQL runs, then retry.",
        to_sentence(.0)
    )]
    DatabaseUnavailable(#[source] RepositoryError),
    #[error(
        "the database rejected the command: {0}. Check the privileges of the user in \
         DEVICES__DATABASE__URL. The owner of the tables has all of them."
    )]
    DatabaseRejected(#[source] RepositoryError),
    #[error(
        "the workspace has the maximum of {0} active keys. Revoke one, or raise \
         DEVICES__LIMITS__KEYS_PER_WORKSPACE."
    )]
    TooManyKeys(u32),
    #[error(transparent)]
    KeyFile(#[from] setup::KeyFileError),
    #[error(transparent)]
    Export(#[from] admin::ExportError),
    #[error("{0}")]
    Rejected(String),
    #[error("cannot record metrics: {0}.")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error("cannot write the man pages: {0}.")]
    ManualPages(#[source] std::io::Error),
    #[error("the server failed: {0}.")]
    Serve(#[from] std::io::Error),
    #[error("the command succeeded, but its output cannot be printed: {0}.")]
    Output(#[source] std::io::Error),
}

impl From<MigrationError> for CliError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Connect(error) => error.into(),
            error @ MigrationError::NewerSchema(_) => Self::NewerSchema(error),
            error @ MigrationError::Failed(_) => Self::Migrate(error),
        }
    }
}

impl From<RepositoryError> for CliError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Failed(_) => Self::DatabaseRejected(error),
            _ => Self::DatabaseUnavailable(error),
        }
    }
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::TooMany(max) => Self::TooManyKeys(max),
            KeyError::Repository(error) => error.into(),
            KeyError::NotFound
            | KeyError::Inactive
            | KeyError::CreatedSince(_)
            | KeyError::Forbidden(_) => Self::Rejected(format!("{error}.")),
        }
    }
}

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    // Prints the location but not the message of a panic, which can contain a secret.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let location = location.unwrap_or_default();
        log::print_error(&format!("panicked at {location}"));
    }));
    if is_server(std::env::args_os()) {
        log::expect_server();
    }
    let Cli {
        command,
        config,
        json,
    } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage_error::print(error),
    };
    process_one::exit_at_signals();
    let system = actix_web::rt::System::new();
    let result = system.block_on(async {
        let sources = Sources::of_process(config.as_deref())?;
        let settings = || sources.merge()?.settings();
        match command {
            None | Some(Command::Serve) => {
                serve::run(&settings()?, sources.environment(), json).await
            }
            Some(Command::Migrate) => migrate(&settings()?, json).await,
            Some(Command::Setup(arguments)) => setup::run(arguments, &settings()?, json).await,
            Some(Command::Healthcheck(arguments)) => {
                healthcheck::run(&arguments, &sources.server()?, json)
            }
            Some(Command::Completions(arguments)) => completions::run(&arguments),
            Some(Command::Man(arguments)) => man::run(&arguments, json),
            Some(Command::Config(command)) => config::run(command, &sources, json),
            Some(Command::Admin(command)) => admin::run(command, &settings()?, json).await,
        }
    });
    // Dropping the runtime would wait for every statement that a hanging database never finishes.
    std::mem::forget(system);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::print_error(&join_lines(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// Returns whether these arguments start a server: no other command is named.
fn is_server(arguments: impl Iterator<Item = OsString>) -> bool {
    let cli = Cli::command();
    let is_other = |argument: &OsString| {
        let mut others = cli.get_subcommands().map(clap::Command::get_name);
        others.any(|name| name != "serve" && argument == name)
    };
    !arguments.skip(1).any(|argument| is_other(&argument))
}

/// Ends a message with a period, unless it ends a sentence already, as libpq's do.
fn to_sentence(message: &impl std::fmt::Display) -> String {
    let message = message.to_string();
    let end = if message.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    message + end
}

/// Returns what to do about a database that cannot be used.
fn connect_advice(error: &ConnectError) -> String {
    match error {
        ConnectError::InvalidUrl | ConnectError::InvalidSslMode => {
            "Correct the URL in DEVICES__DATABASE__URL or DEVICES__DATABASE__URL_FILE.".to_owned()
        }
        ConnectError::UnsuitableDatabase(unsuitable) => format!(
            "Dump it if it has data, drop it, and create it with a suitable locale: {}",
            unsuitable.create_database_sql()
        ),
        ConnectError::ConnectionFailed(_)
        | ConnectError::NotAccepting(_)
        | ConnectError::Query(_) => {
            "Check that PostgreSQL runs and that DEVICES__DATABASE__URL (or \
                                     DEVICES__DATABASE__URL_FILE) is correct."
                .to_owned()
        }
    }
}

/// Joins the lines of a message. PostgreSQL's messages have several.
fn join_lines(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn migrate(settings: &Settings, json: bool) -> Result<(), CliError> {
    if settings.database.pooler == Pooler::Transaction {
        return Err(CliError::MigrationThroughPooler);
    }
    // Long migrations log their progress.
    log::start(&settings.log);
    let url = settings.database.url.expose_secret();
    wait_for_database(&settings.database).await?;
    let migrations = devices_adapters::postgres::migrate(url)?;
    let advice = grant_serving_role(url, settings.database.serving_role())?;
    for advice in &advice {
        tracing::warn!("{advice}");
    }
    if json {
        output::print_line(serde_json::json!({ "migrations": migrations, "advice": advice }))
    } else if migrations.is_empty() {
        output::print_line("The schema is up to date.")
    } else {
        migrations
            .iter()
            .try_for_each(|migration| output::print_line(format_args!("ran {migration}")))
    }
}

/// Lifetime of the plans of prepared statements. Planning them again takes a few milliseconds.
const PLAN_LIFETIME: Duration = Duration::from_secs(5);

/// Returns the options of the server's connections. With `serve_only`, they give up all privileges
/// that serving does not need. Through a pooler, the role decides that.
fn serving_options(settings: &settings::Database, serve_only: bool) -> DatabaseOptions {
    DatabaseOptions {
        pool_size: settings.pool_size,
        pool_timeout: Duration::from_millis(settings.pool_timeout_ms),
        statement_timeout: Duration::from_millis(settings.statement_timeout_ms),
        lock_timeout: Duration::from_millis(settings.lock_timeout_ms),
        plan_lifetime: PLAN_LIFETIME,
        serving_role: settings.serving_role().map(ToOwned::to_owned),
        session: match settings.pooler {
            Pooler::None => SessionSettings::PerConnection { serve_only },
            Pooler::Transaction => SessionSettings::PerRole,
        },
    }
}

/// Opens the database for admin commands, with all privileges of its user. The timeouts are long,
/// because nobody but the operator waits.
fn admin_database(settings: &Settings) -> Result<Database, CliError> {
    let options = DatabaseOptions {
        pool_size: 1,
        pool_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(600),
        lock_timeout: Duration::from_secs(10),
        plan_lifetime: PLAN_LIFETIME,
        serving_role: None,
        session: match settings.database.pooler {
            Pooler::None => SessionSettings::PerConnection { serve_only: false },
            Pooler::Transaction => SessionSettings::Unmanaged,
        },
    };
    let url = settings.database.url.expose_secret();
    Ok(Database::new(url, &options)?)
}

/// Rejects a database whose schema is older or newer than this version.
fn check_schema(settings: &Settings) -> Result<(), CliError> {
    let url = settings.database.url.expose_secret();
    let pending = devices_adapters::postgres::pending_migrations(url)?;
    if pending.is_empty() {
        Ok(())
    } else {
        Err(CliError::PendingMigrations(pending.join(", ")))
    }
}
