//! Command `key`.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Subcommand, ValueEnum};
use devices_domain::{ApiKey, KeyError, KeyId, KeyRepository, NewApiKey, Scope};
use serde::Serialize;

use super::Admin;
use super::arguments::{parse_duration, parse_id, parse_label, parse_lifetime};
use crate::cli::CliError;
use crate::cli::output::{ignore_closed_pipe, optional_cell, print_line, print_table};
use crate::created_key::CreatedKey;
use crate::secret::KeySecret;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Create a key and print its secret once: the database stores only its hash
    Create {
        /// Name of the workspace that the key gives access to
        #[arg(long, value_name = "NAME", value_parser = parse_label)]
        workspace: String,
        /// Access that the key gives; WRITE includes READ, and ADMIN includes WRITE
        #[arg(long, ignore_case = true)]
        scope: ScopeArgument,
        /// Label that identifies the key for people
        #[arg(long, value_name = "LABEL", value_parser = parse_label)]
        name: String,
        /// Time until the key expires, such as 30d or 12h; without it, the key does not expire
        #[arg(long, value_name = "DURATION", value_parser = parse_lifetime)]
        expires_in: Option<TimeDelta>,
    },
    /// List keys, without their secrets
    List {
        /// List only the keys of this workspace
        #[arg(long, value_name = "NAME", value_parser = parse_label)]
        workspace: Option<String>,
    },
    /// Replace a key: create one with the same workspace, name, scope and lifetime, and print its
    /// secret once; the old key stays valid for the overlap
    Rotate {
        /// Id of the old key, as printed by `key list`
        #[arg(value_parser = parse_id)]
        id: i64,
        /// Time for which the old key stays valid, such as 24h or 0s; does not extend its lifetime
        #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "24h")]
        overlap: TimeDelta,
    },
    /// Revoke a key: it is invalid from the next request on
    Revoke {
        /// Id of the key, as printed by `key list`
        #[arg(value_parser = parse_id)]
        id: i64,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum ScopeArgument {
    #[value(name = "READ")]
    Read,
    #[value(name = "WRITE")]
    Write,
    #[value(name = "ADMIN")]
    Admin,
}

impl From<ScopeArgument> for Scope {
    fn from(argument: ScopeArgument) -> Self {
        match argument {
            ScopeArgument::Read => Self::Read,
            ScopeArgument::Write => Self::Write,
            ScopeArgument::Admin => Self::Admin,
        }
    }
}

impl Admin {
    pub(super) async fn key(&self, command: Command) -> Result<(), CliError> {
        match command {
            Command::Create {
                workspace,
                scope,
                name,
                expires_in,
            } => {
                let workspace = self.find_workspace(&workspace).await?;
                let secret = KeySecret::generate(workspace.id);
                let new = NewApiKey {
                    workspace: workspace.id,
                    name,
                    scope: scope.into(),
                    secret: secret.to_stored(),
                    expires_at: expires_in.map(|lifetime| Utc::now() + lifetime),
                };
                let operator = self.operator.clone();
                let key = self.keys.create(new, self.max_keys, operator).await?;
                self.print_created(key, &secret)
            }
            Command::List { workspace } => {
                let workspace = self.find_optional_workspace(workspace).await?;
                let id = workspace.map(|workspace| workspace.id);
                let keys = self.keys.list(id).await?;
                ignore_closed_pipe(print_keys(self.json, &keys, &keys))
            }
            Command::Rotate { id, overlap } => self.rotate(id, overlap).await,
            Command::Revoke { id } => {
                let key = self.find_key(id).await?;
                let operator = self.operator.clone();
                let revoked = self.keys.revoke(key.workspace_id, key.id, operator).await?;
                print_keys(self.json, &revoked, std::slice::from_ref(&revoked))
            }
        }
    }

    async fn rotate(&self, id: i64, overlap: TimeDelta) -> Result<(), CliError> {
        let old = self.find_key(id).await?;
        let secret = KeySecret::generate(old.workspace_id);
        let until = Utc::now() + overlap;
        let rotated = self
            .keys
            .rotate(
                old.workspace_id,
                old.id,
                secret.to_stored(),
                until,
                self.max_keys,
                self.operator.clone(),
            )
            .await;
        let key = rotated.map_err(|error| match error {
            KeyError::NotFound => unknown_key(id),
            KeyError::Inactive => CliError::Rejected(format!(
                "key {id} is not active any more. `devices-api key create` creates a new one."
            )),
            other => other.into(),
        })?;
        self.print_created(key, &secret)
    }

    async fn find_key(&self, id: i64) -> Result<ApiKey, CliError> {
        let key = self.keys.find(KeyId(id)).await?;
        key.ok_or_else(|| unknown_key(id))
    }

    fn print_created(&self, key: ApiKey, secret: &KeySecret) -> Result<(), CliError> {
        let created = CreatedKey::new(key, secret);
        print_keys(self.json, &created, std::slice::from_ref(&created.key))?;
        if self.json {
            return Ok(());
        }
        print_line(format_args!(
            "\nThe secret, printed only this once:\n{}",
            created.secret
        ))
    }
}

fn unknown_key(id: i64) -> CliError {
    CliError::Rejected(format!(
        "unknown key {id}. `devices-api key list` prints all keys."
    ))
}

fn print_keys<T: Serialize>(json: bool, value: &T, keys: &[ApiKey]) -> Result<(), CliError> {
    let now = Utc::now();
    let age = |at: DateTime<Utc>| format!("{} ago", format_duration(now - at));
    let row = |key: &ApiKey| {
        let end = [key.expires_at, key.retires_at].into_iter().flatten().min();
        let ends = match (key.revoked_at, end) {
            (Some(at), _) => format!("revoked {}", age(at)),
            (None, Some(at)) if at <= now => format!("ended {}", age(at)),
            (None, Some(at)) => format!("in {}", format_duration(at - now)),
            (None, None) => "never".to_owned(),
        };
        let prefix = key.secret_prefix.as_ref();
        vec![
            key.id.to_string(),
            key.workspace_id.to_string(),
            key.scope.as_str().to_owned(),
            key.name.clone(),
            optional_cell(prefix.map(|prefix| format!("{prefix}..."))),
            age(key.created_at),
            key.last_used_at.map_or_else(|| "never".to_owned(), age),
            ends,
        ]
    };
    let headings = [
        "ID",
        "WORKSPACE",
        "SCOPE",
        "NAME",
        "SECRET",
        "CREATED",
        "LAST USED",
        "ENDS",
    ];
    print_table(json, value, &headings, keys.iter().map(row).collect())
}

/// Formats a duration with at most its two largest units.
fn format_duration(duration: TimeDelta) -> String {
    let minutes = duration.num_minutes().max(0);
    match minutes {
        0 => "less than a minute".to_owned(),
        1..60 => format!("{minutes}m"),
        60..1_440 => format!("{}h {}m", minutes / 60, minutes % 60),
        _ => format!("{}d {}h", minutes / 1_440, minutes / 60 % 24),
    }
}
