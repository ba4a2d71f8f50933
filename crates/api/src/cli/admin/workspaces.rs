//! `workspace`.

use clap::Subcommand;
use devices_domain::{NewWorkspace, Workspace, WorkspaceRepository};
use serde::Serialize;

use super::arguments::label;
use super::{Administration, no_workspace};
use crate::cli::CliError;
use crate::cli::output::{optional, print};

/// The highest limit that the database's column holds.
const MOST_DEVICES: u32 = i32::MAX as u32;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Make a workspace
    Create {
        /// Its name, unique
        #[arg(value_parser = label)]
        name: String,
        /// How many devices it may hold, or none for any number
        #[arg(long, value_name = "N", value_parser = limit, default_value = "none")]
        device_limit: Limit,
    },
    /// List all workspaces
    List,
    /// Set how many devices a workspace may hold
    Limit {
        /// Its name
        #[arg(value_parser = label)]
        name: String,
        /// How many devices, or none for any number
        #[arg(long, value_name = "N", value_parser = limit)]
        devices: Limit,
    },
}

/// How many devices a workspace may hold, if it may not hold any number.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Limit(Option<u32>);

fn limit(text: &str) -> Result<Limit, String> {
    match text.parse() {
        Ok(number @ ..=MOST_DEVICES) => Ok(Limit(Some(number))),
        _ if text == "none" => Ok(Limit(None)),
        _ => Err(format!("must be none, or from 0 to {MOST_DEVICES}")),
    }
}

impl Administration {
    pub(super) async fn workspace(&self, command: Command) -> Result<(), CliError> {
        match command {
            Command::Create { name, device_limit } => {
                let new = NewWorkspace {
                    name: name.clone(),
                    device_limit: device_limit.0,
                };
                let created = self.workspaces.create(new).await?.ok_or_else(|| {
                    CliError::Refused(format!(
                        "There is a workspace \"{name}\" already. Choose another name."
                    ))
                })?;
                show(self.json, &created, std::slice::from_ref(&created))
            }
            Command::List => {
                let workspaces = self.workspaces.list().await?;
                show(self.json, &workspaces, &workspaces)
            }
            Command::Limit { name, devices } => {
                let workspace = self.find_workspace(&name).await?;
                let limited = self
                    .workspaces
                    .set_device_limit(workspace.id, devices.0)
                    .await?;
                let limited = limited.ok_or_else(|| no_workspace(&name))?;
                show(self.json, &limited, std::slice::from_ref(&limited))
            }
        }
    }
}

fn show<T: Serialize>(json: bool, value: &T, workspaces: &[Workspace]) -> Result<(), CliError> {
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
