//! Command `workspace`.

use clap::Subcommand;
use devices_domain::{NewWorkspace, RenameError, Workspace, WorkspaceRepository};
use serde::Serialize;

use super::arguments::{parse_label, parse_workspace_name};
use super::{Admin, delete_workspace, unknown_workspace};
use crate::cli::CliError;
use crate::cli::output::{ignore_closed_pipe, optional_cell, print_table};

/// Maximum of the database's column.
const MAX_DEVICE_LIMIT: u32 = i32::MAX as u32;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Create a workspace
    Create {
        /// Unique name
        #[arg(value_parser = parse_workspace_name)]
        name: String,
        /// Maximum number of devices, or none
        #[arg(long, value_name = "N", value_parser = parse_limit, default_value = "none")]
        device_limit: DeviceLimit,
    },
    /// List all workspaces
    List,
    /// Set the maximum number of devices of a workspace
    Limit {
        /// Name of the workspace
        #[arg(value_parser = parse_label)]
        name: String,
        /// Maximum number of devices, or none
        #[arg(long, value_name = "N", value_parser = parse_limit)]
        devices: DeviceLimit,
    },
    /// Change the name of a workspace; its keys stay valid
    Rename {
        /// Name of the workspace
        #[arg(value_name = "OLD", value_parser = parse_label)]
        old: String,
        /// Its new name
        #[arg(value_name = "NEW", value_parser = parse_workspace_name)]
        new: String,
    },
    /// Export a workspace to files, and delete it for good with everything that belongs to it
    ///
    /// Run it as the owner of the tables; servers may run meanwhile. Revokes the keys of the
    /// workspace first. An interrupted deletion can be repeated, and continues.
    Delete(delete_workspace::Arguments),
}

/// Maximum number of devices of a workspace. `None` is unlimited.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct DeviceLimit(Option<u32>);

fn parse_limit(text: &str) -> Result<DeviceLimit, String> {
    match text.parse() {
        Ok(limit @ ..=MAX_DEVICE_LIMIT) => Ok(DeviceLimit(Some(limit))),
        _ if text == "none" => Ok(DeviceLimit(None)),
        _ => Err(format!("must be none, or from 0 to {MAX_DEVICE_LIMIT}")),
    }
}

impl Admin {
    pub(super) async fn workspace(&self, command: Command) -> Result<(), CliError> {
        match command {
            Command::Create { name, device_limit } => {
                let new = NewWorkspace {
                    name,
                    device_limit: device_limit.0,
                };
                let created = self.workspaces.create(new, self.operator.clone()).await?;
                let created = created.ok_or_else(name_taken)?;
                print_workspaces(self.json, &created, std::slice::from_ref(&created))
            }
            Command::Rename { old, new } => self.rename(&old, new).await,
            Command::Delete(arguments) => self.delete_workspace(arguments).await,
            Command::List => {
                let workspaces = self.workspaces.list().await?;
                ignore_closed_pipe(print_workspaces(self.json, &workspaces, &workspaces))
            }
            Command::Limit { name, devices } => {
                let workspace = self.find_workspace(&name).await?;
                let limited = self
                    .workspaces
                    .set_device_limit(workspace.id, devices.0, self.operator.clone())
                    .await?;
                let limited = limited.ok_or_else(unknown_workspace)?;
                print_workspaces(self.json, &limited, std::slice::from_ref(&limited))
            }
        }
    }

    async fn rename(&self, old: &str, new: String) -> Result<(), CliError> {
        let workspace = self.find_workspace(old).await?;
        let operator = self.operator.clone();
        let renamed = self.workspaces.rename(workspace.id, new, operator).await;
        let renamed = renamed.map_err(|error| match error {
            RenameError::NameTaken => name_taken(),
            RenameError::NotFound => unknown_workspace(),
            RenameError::Repository(error) => error.into(),
        })?;
        print_workspaces(self.json, &renamed, std::slice::from_ref(&renamed))
    }
}

fn name_taken() -> CliError {
    let message = "a workspace of this name already exists. Choose another name.";
    CliError::Rejected(message.to_owned())
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
            optional_cell(workspace.device_limit),
        ]
    };
    let rows = workspaces.iter().map(row).collect();
    print_table(json, value, &["ID", "NAME", "DEVICE LIMIT"], rows)
}
