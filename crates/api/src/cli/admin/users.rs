//! `user`.

use clap::Subcommand;
use devices_domain::{ChangeUserError, Email, ShortText, Store, User, UserFields};
use serde::Serialize;

use super::Administration;
use super::arguments::{email, label, name};
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
        email: Email,
        /// First name
        #[arg(long, value_parser = name)]
        first_name: Option<ShortText>,
        /// Last name
        #[arg(long, value_parser = name)]
        last_name: Option<ShortText>,
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
                let user = UserFields {
                    first_name,
                    last_name,
                    ..UserFields::new(email.clone())
                };
                let users = self.store.for_workspace(workspace.id).users;
                let added = users.create(user, None).await;
                let added = added.map_err(|error| match error {
                    ChangeUserError::Repository(error) => error.into(),
                    // Of what can be wrong with a new user only this needs the store.
                    _ => CliError::Refused(format!(
                        "The workspace \"{}\" has a user {} already.",
                        workspace.name,
                        email.as_str()
                    )),
                })?;
                show(self.json, &added, std::slice::from_ref(&added))
            }
            Command::List { workspace } => {
                let workspace = self.find_optional_workspace(workspace).await?;
                let users = self
                    .store
                    .list_users(workspace.map(|found| found.id))
                    .await?;
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
            user.fields.email.as_str().to_owned(),
            optional(&user.fields.first_name.as_ref().map(ShortText::as_str)),
            optional(&user.fields.last_name.as_ref().map(ShortText::as_str)),
        ]
    };
    let rows = users.iter().map(row).collect();
    let headings = ["ID", "WORKSPACE", "EMAIL", "FIRST NAME", "LAST NAME"];
    print(json, value, &headings, rows)
}
