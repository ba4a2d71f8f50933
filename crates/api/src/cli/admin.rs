//! Workspaces, users and keys.

use std::time::Duration;

use chrono::Utc;
use clap::{Subcommand, ValueEnum};
use devices_adapters::postgres::{Database, PostgresKeys, PostgresUsers, PostgresWorkspaces};
use devices_domain::{
    ApiKey, KeyId, KeyRepository, NewApiKey, NewUser, NewWorkspace, Scope, User, UserRepository,
    Workspace, WorkspaceRepository,
};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::output::{self, optional, print};
use super::{CliError, check_schema, connect};
use crate::secret::KeySecret;
use crate::settings::Settings;

/// The highest limit that the database's column holds.
const MOST_DEVICES: i64 = i32::MAX as i64;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make and list workspaces: each has its own users, keys and devices
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Add and list users: the assignees that `user_id` of a device names
    #[command(subcommand)]
    User(UserCommand),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum WorkspaceCommand {
    /// Make a workspace
    Create {
        /// Its name, unique
        #[arg(value_parser = label)]
        name: String,
        /// How many devices it may hold; any number unless given
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=MOST_DEVICES))]
        device_limit: Option<u32>,
    },
    /// List all workspaces
    List,
    /// Set how many devices a workspace may hold
    Limit {
        /// Its name
        #[arg(value_parser = label)]
        name: String,
        /// How many devices; any number unless given
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=MOST_DEVICES))]
        devices: Option<u32>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user to a workspace
    Add {
        /// The workspace's name
        #[arg(long, value_name = "NAME", value_parser = label)]
        workspace: String,
        /// The user's address, unique in the workspace without regard to case
        #[arg(value_parser = email)]
        email: String,
        /// First name
        #[arg(long, value_parser = label)]
        first_name: Option<String>,
        /// Last name
        #[arg(long, value_parser = label)]
        last_name: Option<String>,
    },
    /// List users
    List {
        /// Of this workspace only
        #[arg(long, value_name = "NAME", value_parser = label)]
        workspace: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and print its secret: it is shown this once, and stored as a hash only
    Create {
        /// The workspace that it opens, by name
        #[arg(long, value_name = "NAME", value_parser = label)]
        workspace: String,
        /// What it allows; WRITE includes READ
        #[arg(long, ignore_case = true)]
        scope: ScopeArgument,
        /// A label to know it by
        #[arg(long, value_name = "LABEL", value_parser = label)]
        name: String,
        /// How long it works, such as 30d or 12h; for ever unless given
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        expires_in: Option<Duration>,
    },
    /// List keys, without their secrets
    List {
        /// Of this workspace only
        #[arg(long, value_name = "NAME", value_parser = label)]
        workspace: Option<String>,
    },
    /// Revoke a key: it stops working at once
    Revoke {
        /// The key's id, as `key list` shows it
        id: i64,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ScopeArgument {
    #[value(name = "READ")]
    Read,
    #[value(name = "WRITE")]
    Write,
}

impl From<ScopeArgument> for Scope {
    fn from(argument: ScopeArgument) -> Self {
        match argument {
            ScopeArgument::Read => Self::Read,
            ScopeArgument::Write => Self::Write,
        }
    }
}

/// 1 to 255 characters, as the database's columns have them, and something to read among them.
fn label(text: &str) -> Result<String, String> {
    let text = text.trim();
    let length = text.chars().count();
    let is_readable =
        text.chars().any(char::is_alphanumeric) && !text.chars().any(char::is_control);
    match (1..=255).contains(&length) && is_readable {
        true => Ok(text.to_owned()),
        false => Err(
            "must have 1 to 255 characters, a letter or digit and no control characters among them"
                .to_owned(),
        ),
    }
}

/// Something before and after one `@`: whether mail arrives, only sending some can show.
fn email(text: &str) -> Result<String, String> {
    let text = label(text)?;
    match text.split_once('@') {
        Some((local, domain))
            if !local.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && !text.contains(char::is_whitespace) =>
        {
            Ok(text)
        }
        _ => Err("must be an e-mail address".to_owned()),
    }
}

pub(super) async fn run(command: Command, json: bool) -> Result<(), CliError> {
    let settings = Settings::load()?;
    Database::probe(settings.database.url.expose_secret())?;
    check_schema(&settings)?;
    let database = connect(&settings)?;
    let administration = Administration {
        workspaces: PostgresWorkspaces::new(database.clone()),
        users: PostgresUsers::new(database.clone()),
        keys: PostgresKeys::new(database),
        json,
    };
    match command {
        Command::Workspace(command) => administration.workspace(command).await,
        Command::User(command) => administration.user(command).await,
        Command::Key(command) => administration.key(command).await,
    }
}

struct Administration {
    workspaces: PostgresWorkspaces,
    users: PostgresUsers,
    keys: PostgresKeys,
    json: bool,
}

/// A key and, this once, its secret.
#[derive(Serialize)]
struct CreatedKey {
    #[serde(flatten)]
    key: ApiKey,
    secret: String,
}

impl Administration {
    async fn workspace(&self, command: WorkspaceCommand) -> Result<(), CliError> {
        match command {
            WorkspaceCommand::Create { name, device_limit } => {
                let new = NewWorkspace {
                    name: name.clone(),
                    device_limit,
                };
                let created = self.workspaces.create(new).await?.ok_or_else(|| {
                    CliError::Refused(format!(
                        "There is a workspace \"{name}\" already. Choose another name."
                    ))
                })?;
                print_workspaces(self.json, &created, std::slice::from_ref(&created))?;
            }
            WorkspaceCommand::List => {
                let workspaces = self.workspaces.list().await?;
                print_workspaces(self.json, &workspaces, &workspaces)?;
            }
            WorkspaceCommand::Limit { name, devices } => {
                let workspace = self.find_workspace(&name).await?;
                let limited = self
                    .workspaces
                    .set_device_limit(workspace.id, devices)
                    .await?;
                let limited = limited.ok_or_else(|| no_workspace(&name))?;
                print_workspaces(self.json, &limited, std::slice::from_ref(&limited))?;
            }
        }
        Ok(())
    }

    async fn user(&self, command: UserCommand) -> Result<(), CliError> {
        match command {
            UserCommand::Add {
                workspace,
                email,
                first_name,
                last_name,
            } => {
                let workspace = self.find_workspace(&workspace).await?;
                let new = NewUser {
                    workspace: workspace.id,
                    email: email.clone(),
                    first_name,
                    last_name,
                };
                let added = self.users.create(new).await?.ok_or_else(|| {
                    CliError::Refused(format!(
                        "The workspace \"{}\" has a user {email} already.",
                        workspace.name
                    ))
                })?;
                print_users(self.json, &added, std::slice::from_ref(&added))?;
            }
            UserCommand::List { workspace } => {
                let workspace = self.find_optional_workspace(workspace).await?;
                let users = self.users.list(workspace.map(|found| found.id)).await?;
                print_users(self.json, &users, &users)?;
            }
        }
        Ok(())
    }

    async fn key(&self, command: KeyCommand) -> Result<(), CliError> {
        match command {
            KeyCommand::Create {
                workspace,
                scope,
                name,
                expires_in,
            } => {
                let workspace = self.find_workspace(&workspace).await?;
                let expires_at = expires_in
                    .map(|duration| {
                        chrono::Duration::from_std(duration)
                            .ok()
                            .and_then(|duration| Utc::now().checked_add_signed(duration))
                            .ok_or_else(|| {
                                CliError::Refused("--expires-in is too far away.".to_owned())
                            })
                    })
                    .transpose()?;
                let secret = KeySecret::generate(workspace.id);
                let new = NewApiKey {
                    workspace: workspace.id,
                    name,
                    scope: scope.into(),
                    secret_sha256: secret.sha256(),
                    expires_at,
                };
                let created = CreatedKey {
                    key: self.keys.create(new).await?,
                    secret: secret.expose().to_owned(),
                };
                print_keys(self.json, &created, std::slice::from_ref(&created.key))?;
                if !self.json {
                    let secret = &created.secret;
                    output::line(format_args!("\nThe secret, shown this once:\n{secret}"))?;
                }
            }
            KeyCommand::List { workspace } => {
                let workspace = self.find_optional_workspace(workspace).await?;
                let keys = self.keys.list(workspace.map(|found| found.id)).await?;
                print_keys(self.json, &keys, &keys)?;
            }
            KeyCommand::Revoke { id } => {
                let revoked = self.keys.revoke(KeyId(id)).await?.ok_or_else(|| {
                    CliError::Refused(format!(
                        "There is no key {id}. `devices-api key list` shows all keys."
                    ))
                })?;
                print_keys(self.json, &revoked, std::slice::from_ref(&revoked))?;
            }
        }
        Ok(())
    }

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

fn print_workspaces<T: Serialize>(
    json: bool,
    value: &T,
    workspaces: &[Workspace],
) -> Result<(), CliError> {
    let row = |workspace: &Workspace| {
        vec![
            workspace.id.to_string(),
            workspace.name.clone(),
            optional(&workspace.device_limit),
        ]
    };
    let rows = workspaces.iter().map(row).collect();
    print(json, value, &["ID", "NAME", "DEVICE LIMIT"], rows)
}

fn print_users<T: Serialize>(json: bool, value: &T, users: &[User]) -> Result<(), CliError> {
    let row = |user: &User| {
        vec![
            user.id.to_string(),
            user.workspace_id.to_string(),
            user.email.clone(),
            optional(&user.first_name),
            optional(&user.last_name),
        ]
    };
    let rows = users.iter().map(row).collect();
    print(
        json,
        value,
        &["ID", "WORKSPACE", "EMAIL", "FIRST NAME", "LAST NAME"],
        rows,
    )
}

fn print_keys<T: Serialize>(json: bool, value: &T, keys: &[ApiKey]) -> Result<(), CliError> {
    let row = |key: &ApiKey| {
        vec![
            key.id.to_string(),
            key.workspace_id.to_string(),
            key.scope.as_str().to_owned(),
            key.name.clone(),
            key.created_at.format("%F %R").to_string(),
            optional(&key.expires_at.map(|at| at.format("%F %R"))),
            optional(&key.revoked_at.map(|at| at.format("%F %R"))),
        ]
    };
    let rows = keys.iter().map(row).collect();
    print(
        json,
        value,
        &[
            "ID",
            "WORKSPACE",
            "SCOPE",
            "NAME",
            "CREATED",
            "EXPIRES",
            "REVOKED",
        ],
        rows,
    )
}
