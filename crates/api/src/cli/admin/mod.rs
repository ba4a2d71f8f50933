//! Admin commands: workspaces, users, keys and the audit trail.

pub(super) mod arguments;
mod audit;
mod confirmation;
mod delete_workspace;
mod erase;
mod keys;
mod purge;
mod reindex;
mod users;
mod workspaces;

use clap::Subcommand;
use devices_adapters::postgres::{
    Database, PostgresErasure, PostgresEvents, PostgresKeys, PostgresRetention,
    PostgresSearchIndex, PostgresStore, PostgresWorkspaceDeletion, PostgresWorkspaces,
};
use devices_domain::{Author, Operator, Workspace, WorkspaceRepository};
use secrecy::ExposeSecret;

pub(super) use delete_workspace::ExportError;

use super::{CliError, admin_database, check_schema, output};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create, limit, rename, list and delete workspaces; each has its own users, keys and devices
    #[command(subcommand)]
    Workspace(workspaces::Command),
    /// Add, list and erase users, the assignees of devices (`user_id`, `user_email`)
    #[command(subcommand)]
    User(users::Command),
    /// Create, list, rotate and revoke API keys
    #[command(subcommand)]
    Key(keys::Command),
    /// Print the audit trail of a workspace, oldest first: changes, exports and admin commands;
    /// with --json, one object per line
    Audit(audit::Arguments),
    /// Index devices that no search finds: restored from a partial dump, or written by hand
    ///
    /// Servers may run meanwhile. If it is interrupted, run it again, and it continues.
    Reindex(reindex::Arguments),
    /// Delete archived devices, deleted users and enrolments, and events for good when they reach
    /// an age
    ///
    /// Keeps everything without an option. Ages are durations such as 30d, 6months or 2y, of at
    /// least a day. Run it as the owner of the tables; servers may run meanwhile, and several
    /// purges at once. Deletes small batches: an interrupted purge can be repeated, and continues.
    /// Prints the numbers of deleted objects, and the progress to standard error.
    Purge(purge::Arguments),
}

pub(super) async fn run(command: Command, settings: &Settings, json: bool) -> Result<(), CliError> {
    Database::probe(settings.database.url.expose_secret())?;
    check_schema(settings)?;
    let database = admin_database(settings)?;
    let admin = Admin {
        workspaces: PostgresWorkspaces::new(database.clone()),
        store: PostgresStore::new(database.clone(), settings.quotas()),
        keys: PostgresKeys::new(database.clone()),
        index: PostgresSearchIndex::new(database.clone()),
        events: PostgresEvents::new(database.clone()),
        erasure: PostgresErasure::new(database.clone()),
        retention: PostgresRetention::new(database.clone()),
        deletion: PostgresWorkspaceDeletion::new(database),
        max_keys: settings.limits.keys_per_workspace,
        operator: current_operator(),
        json,
    };
    match command {
        Command::Workspace(command) => admin.workspace(command).await,
        Command::User(command) => admin.user(command).await,
        Command::Key(command) => admin.key(command).await,
        Command::Reindex(arguments) => admin.reindex(arguments).await,
        Command::Purge(arguments) => admin.purge(arguments).await,
        Command::Audit(arguments) => output::ignore_closed_pipe(admin.audit(arguments).await),
    }
}

/// Repositories and options of the admin commands.
struct Admin {
    workspaces: PostgresWorkspaces,
    store: PostgresStore,
    keys: PostgresKeys,
    index: PostgresSearchIndex,
    events: PostgresEvents,
    erasure: PostgresErasure,
    retention: PostgresRetention,
    deletion: PostgresWorkspaceDeletion,
    /// Maximum number of active keys per workspace.
    max_keys: u32,
    /// Author of the audit events.
    operator: Operator,
    json: bool,
}

/// Returns the user of this process, and the user who became it with `sudo`, if any.
pub(super) fn current_operator() -> Operator {
    let user = whoami::username().unwrap_or_default();
    match std::env::var("SUDO_USER") {
        Ok(caller) if caller != user && !caller.is_empty() => {
            Operator::new(&format!("{user} (sudo: {caller})"))
        }
        _ => Operator::new(&user),
    }
}

impl Admin {
    fn author(&self) -> Author {
        Author::Command(self.operator.clone())
    }

    async fn find_workspace(&self, name: &str) -> Result<Workspace, CliError> {
        let workspace = self.workspaces.find(name.to_owned()).await?;
        workspace.ok_or_else(unknown_workspace)
    }

    /// Returns the workspace of this name, or all workspaces without a name.
    async fn find_workspaces(&self, name: Option<&str>) -> Result<Vec<Workspace>, CliError> {
        match name {
            Some(name) => Ok(vec![self.find_workspace(name).await?]),
            None => Ok(self.workspaces.list().await?),
        }
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

fn unknown_workspace() -> CliError {
    let message = "unknown workspace. `devices-api workspace list` prints all, and `devices-api \
                   workspace create` creates one.";
    CliError::Rejected(message.to_owned())
}
