//! `user`.

use clap::Subcommand;
use devices_domain::{NewUser, User, UserRepository};
use serde::Serialize;

use super::Administration;
use super::arguments::{email, label};
use crate::cli::CliError;
use crate::cli::output::{optional, print};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
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

impl Administration {
    pub(super) async fn user(&self, command: Command) -> Result<(), CliError> {
        match command {
            Command::Add {
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
                show(self.json, &added, std::slice::from_ref(&added))
            }
            Command::List { workspace } => {
                let workspace = self.find_optional_workspace(workspace).await?;
                let users = self.users.list(workspace.map(|found| found.id)).await?;
                show(self.json, &users, &users)
            }
        }
    }
}

fn show<T: Serialize>(json: bool, value: &T, users: &[User]) -> Result<(), CliError> {
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
    let headings = ["ID", "WORKSPACE", "EMAIL", "FIRST NAME", "LAST NAME"];
    print(json, value, &headings, rows)
}
