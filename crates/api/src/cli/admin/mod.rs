//! Workspaces, users, keys and the audit trail.

mod arguments;
mod audit;
mod keys;
mod users;
mod workspaces;

use clap::Subcommand;
use devices_adapters::postgres::{
    Database, PostgresEvents, PostgresKeys, PostgresStore, PostgresWorkspaces,
};
use devices_domain::{Workspace, WorkspaceRepository};
use secrecy::ExposeSecret;

use super::{CliError, administered, check_schema};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make and list workspaces: each has its own users, keys and devices
    #[command(subcommand)]
    Workspace(workspaces::Command),
    /// Add and list users: the assignees that `user_id` of a device names
    #[command(subcommand)]
    User(users::Command),
    /// Make, list, rotate and revoke API keys
    #[command(subcommand)]
    Key(keys::Command),
    /// Print who did what to which devices, users and enrolments, oldest first; with --json one object a
    /// line
    Audit(audit::Arguments),
}

pub(super) async fn run(command: Command, json: bool) -> Result<(), CliError> {
    let settings = Settings::load()?;
    Database::probe(settings.database.url.expose_secret())?;
    check_schema(&settings)?;
    let database = administered(&settings)?;
    let administration = Administration {
        workspaces: PostgresWorkspaces::new(database.clone()),
        store: PostgresStore::new(database.clone()),
        keys: PostgresKeys::new(database.clone()),
        events: PostgresEvents::new(database),
        most_keys: settings.limits.keys_per_workspace,
        json,
    };
    match command {
        Command::Workspace(command) => administration.workspace(command).await,
        Command::User(command) => administration.user(command).await,
        Command::Key(command) => administration.key(command).await,
        Command::Audit(arguments) => administration.audit(arguments).await,
    }
}

struct Administration {
    workspaces: PostgresWorkspaces,
    store: PostgresStore,
    keys: PostgresKeys,
    events: PostgresEvents,
    /// How many keys of a workspace may work at once.
    most_keys: u32,
    json: bool,
}

impl Administration {
    async fn find_workspace(&self, name: &str) -> Result<Workspace, CliError> {
        let found = self.workspaces.find(name.to_owned()).await?;
        found.ok_or_else(|| no_workspace(name))
    }

    async fn find_optional_workspace(
        &self,
        name: Option<String>,
    ) -> Result<Option<Workspace>, CliError> {
        match name {
            Some(name) => self.find_workspace(&name).await.map(Some),
            None => Ok(None),
        }
    }
}

fn no_workspace(name: &str) -> CliError {
    CliError::Refused(format!(
        "There is no workspace \"{name}\". `devices-api workspace list` shows all, and \
         `devices-api workspace create` makes one."
    ))
}
