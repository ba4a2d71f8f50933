//! `key`.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Subcommand, ValueEnum};
use devices_domain::{ApiKey, KeyError, KeyId, KeyRepository, NewApiKey, Scope};
use serde::Serialize;

use super::Administration;
use super::arguments::{duration, label, lifetime};
use crate::cli::CliError;
use crate::cli::output::{self, optional, print};
use crate::secret::KeySecret;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
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
        #[arg(long, value_name = "DURATION", value_parser = lifetime)]
        expires_in: Option<TimeDelta>,
    },
    /// List keys, without their secrets
    List {
        /// Of this workspace only
        #[arg(long, value_name = "NAME", value_parser = label)]
        workspace: Option<String>,
    },
    /// Make a key that takes the place of another: of the same workspace, name and scope, and made to
    /// last as long. Its secret is printed this once. The old key works on for a while
    Rotate {
        /// The old key's id, as `key list` shows it
        id: i64,
        /// How long the old key works on, such as 24h or 0s; no longer than it would anyway
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
        overlap: TimeDelta,
    },
    /// Revoke a key: it stops working at once
    Revoke {
        /// The key's id, as `key list` shows it
        id: i64,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum ScopeArgument {
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

impl Administration {
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
                    expires_at: expires_in.map(|lasts| Utc::now() + lasts),
                };
                let key = self.keys.create(new, self.most_keys).await?;
                self.show_created(key, &secret)
            }
            Command::List { workspace } => {
                let workspace = self.find_optional_workspace(workspace).await?;
                let keys = self.keys.list(workspace.map(|found| found.id)).await?;
                show(self.json, &keys, &keys)
            }
            Command::Rotate { id, overlap } => {
                let old = self.find_key(id).await?;
                let secret = KeySecret::generate(old.workspace_id);
                let until = Utc::now() + overlap;
                let rotated = self.keys.rotate(
                    old.workspace_id,
                    old.id,
                    secret.to_stored(),
                    until,
                    self.most_keys,
                );
                let key = rotated.await.map_err(|error| match error {
                    KeyError::NotFound => no_key(id),
                    KeyError::Inactive => CliError::Refused(format!(
                        "Key {id} works no longer. `devices-api key create` makes a new one."
                    )),
                    other => other.into(),
                })?;
                self.show_created(key, &secret)
            }
            Command::Revoke { id } => {
                let key = self.find_key(id).await?;
                let revoked = self.keys.revoke(key.workspace_id, key.id).await?;
                let revoked = revoked.ok_or_else(|| no_key(id))?;
                show(self.json, &revoked, std::slice::from_ref(&revoked))
            }
        }
    }

    async fn find_key(&self, id: i64) -> Result<ApiKey, CliError> {
        let found = self.keys.find(KeyId(id)).await?;
        found.ok_or_else(|| no_key(id))
    }

    fn show_created(&self, key: ApiKey, secret: &KeySecret) -> Result<(), CliError> {
        let created = CreatedKey {
            key,
            secret: secret.expose(),
        };
        show(self.json, &created, std::slice::from_ref(&created.key))?;
        match self.json {
            true => Ok(()),
            false => output::line(format_args!(
                "\nThe secret, shown this once:\n{}",
                created.secret
            )),
        }
    }
}

/// A key and, this once, its secret.
#[derive(Serialize)]
struct CreatedKey<'a> {
    #[serde(flatten)]
    key: ApiKey,
    secret: &'a str,
}

fn no_key(id: i64) -> CliError {
    CliError::Refused(format!(
        "There is no key {id}. `devices-api key list` shows all keys."
    ))
}

fn show<T: Serialize>(json: bool, value: &T, keys: &[ApiKey]) -> Result<(), CliError> {
    let now = Utc::now();
    let ago = |at: DateTime<Utc>| format!("{} ago", rounded(now - at));
    let row = |key: &ApiKey| {
        let end = [key.expires_at, key.retires_at].into_iter().flatten().min();
        let ends = match (key.revoked_at, end) {
            (Some(at), _) => format!("revoked {}", ago(at)),
            (None, Some(at)) if at <= now => format!("ended {}", ago(at)),
            (None, Some(at)) => format!("in {}", rounded(at - now)),
            (None, None) => "never".to_owned(),
        };
        vec![
            key.id.to_string(),
            key.workspace_id.to_string(),
            key.scope.as_str().to_owned(),
            key.name.clone(),
            optional(
                &key.secret_prefix
                    .as_ref()
                    .map(|prefix| format!("{prefix}...")),
            ),
            ago(key.created_at),
            key.last_used_at.map_or_else(|| "never".to_owned(), ago),
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
    print(json, value, &headings, keys.iter().map(row).collect())
}

/// A time as people say it: its two largest units at most.
fn rounded(time: TimeDelta) -> String {
    let minutes = time.num_minutes().max(0);
    match minutes {
        0 => "less than a minute".to_owned(),
        1..60 => format!("{minutes}m"),
        60..1_440 => format!("{}h {}m", minutes / 60, minutes % 60),
        _ => format!("{}d {}h", minutes / 1_440, minutes / 60 % 24),
    }
}
