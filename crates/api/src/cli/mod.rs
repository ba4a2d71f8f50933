//! The command line: serves, or administers the workspaces.

mod admin;
mod demo;
mod output;
mod serve;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use devices_adapters::postgres::{
    ConnectError, Database, DatabaseOptions, MigrationError, SessionSettings,
};
use devices_domain::{KeyError, RepositoryError};
use secrecy::ExposeSecret;

use crate::http::BindError;
use crate::settings::{self, Pooler, Settings, SettingsError};

/// Keeps external IT devices: takes batches of them over HTTP, and stores each whole or not at all.
///
/// Settings come from config/*.toml and from variables named DEVICES__SECTION__KEY, such as
/// DEVICES__DATABASE__URL and DEVICES__SERVER__PORT.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API (also what happens without a command)
    Serve(serve::Arguments),
    /// Bring the database's schema up to date; safe when several processes do it at once
    Migrate,
    #[command(flatten)]
    Admin(admin::Command),
}

/// Why a command did not do what it was asked to; says what to do.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(
        "The database cannot be used: {0}. Check that it runs, and that DEVICES__DATABASE__URL \
         names it."
    )]
    Connect(#[from] ConnectError),
    #[error(
        "Bringing the schema up to date needs a session of its own, which a pooler does not give. Run \
         `devices-api migrate` with PostgreSQL's own URL and DEVICES__DATABASE__POOLER=none, and set \
         DEVICES__DATABASE__MIGRATE_ON_START=false."
    )]
    NoSession,
    #[error("The database's schema cannot be brought up to date: {0}")]
    Migrate(#[from] MigrationError),
    #[error(
        "The database's schema is not up to date (it lacks {0}). Run `devices-api migrate` first."
    )]
    NotMigrated(String),
    #[error("The database gave no answer: {0}. Check that it runs, then try again.")]
    NoAnswer(#[source] RepositoryError),
    #[error(
        "The database refused: {0}. Check that the user in DEVICES__DATABASE__URL may do this: the \
         tables' owner may."
    )]
    RefusedByDatabase(#[source] RepositoryError),
    #[error(
        "The workspace has {0} keys that work already, the most that it may have. Revoke one, or raise \
         DEVICES__LIMITS__KEYS_PER_WORKSPACE."
    )]
    TooManyKeys(u32),
    #[error("{0}")]
    Refused(String),
    #[error("{path} cannot be used: {cause}. Delete it, or let this user read and write it.")]
    File { path: String, cause: std::io::Error },
    #[error("MetricsRecorder cannot be recorded: {0}.")]
    MetricsRecorder(#[from] metrics_exporter_prometheus::BuildError),
    #[error("The server cannot run: {0}.")]
    Serve(#[from] std::io::Error),
    #[error("What was asked for is done, but cannot be printed: {0}.")]
    Output(#[source] std::io::Error),
}

impl From<RepositoryError> for CliError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Failed(_) => Self::RefusedByDatabase(error),
            _ => Self::NoAnswer(error),
        }
    }
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::TooMany(most) => Self::TooManyKeys(most),
            KeyError::Repository(error) => error.into(),
            KeyError::NotFound | KeyError::Inactive => Self::Refused(format!("{error}.")),
        }
    }
}

/// Runs the command that the arguments ask for.
pub fn run() -> ExitCode {
    let Cli { command, json } = Cli::parse();
    let system = actix_web::rt::System::new();
    let ran = system.block_on(async {
        match command {
            None => serve::run(&serve::Arguments::default(), json).await,
            Some(Command::Serve(arguments)) => serve::run(&arguments, json).await,
            Some(Command::Migrate) => migrate(json),
            Some(Command::Admin(command)) => admin::run(command, json).await,
        }
    });
    // Dropped, it would wait for every statement that a hanging database does not answer.
    std::mem::forget(system);
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where this fails, too, there is nobody left to tell.
            drop(writeln!(
                std::io::stderr(),
                "error: {}",
                one_line(&error.to_string())
            ));
            ExitCode::FAILURE
        }
    }
}

/// PostgreSQL's messages have several lines.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn migrate(json: bool) -> Result<(), CliError> {
    let settings = Settings::load()?;
    if settings.database.pooler == Pooler::Transaction {
        return Err(CliError::NoSession);
    }
    Database::probe(settings.database.url.expose_secret())?;
    let ran = devices_adapters::postgres::migrate(settings.database.url.expose_secret())?;
    if json {
        output::line(serde_json::json!({ "migrations": ran }))
    } else if ran.is_empty() {
        output::line("The schema is up to date.")
    } else {
        ran.iter()
            .try_for_each(|migration| output::line(format_args!("ran {migration}")))
    }
}

/// How serving uses the database; `serve_only`: with no rights but those that it needs, which behind a
/// pooler is no choice.
fn serving(settings: &settings::Database, serve_only: bool) -> DatabaseOptions {
    DatabaseOptions {
        pool_size: settings.pool_size,
        pool_timeout: Duration::from_millis(settings.pool_timeout_ms),
        statement_timeout: Duration::from_millis(settings.statement_timeout_ms),
        lock_timeout: Duration::from_millis(settings.lock_timeout_ms),
        session: match settings.pooler {
            Pooler::None => SessionSettings::PerConnection { serve_only },
            Pooler::Transaction => SessionSettings::PerRole,
        },
    }
}

/// A database to be administered: whoever does waits for it himself, and has every right of the
/// database's user.
fn administered(settings: &Settings) -> Result<Database, CliError> {
    let options = DatabaseOptions {
        pool_size: 1,
        pool_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(600),
        lock_timeout: Duration::from_secs(10),
        session: match settings.database.pooler {
            Pooler::None => SessionSettings::PerConnection { serve_only: false },
            Pooler::Transaction => SessionSettings::Unmanaged,
        },
    };
    Ok(Database::new(
        settings.database.url.expose_secret(),
        &options,
    )?)
}

/// Refuses a database that another version of this program, or none, has prepared.
fn check_schema(settings: &Settings) -> Result<(), CliError> {
    let url = settings.database.url.expose_secret();
    let pending = devices_adapters::postgres::pending_migrations(url)?;
    match pending.is_empty() {
        true => Ok(()),
        false => Err(CliError::NotMigrated(pending.join(", "))),
    }
}
