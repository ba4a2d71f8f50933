//! Command `user`.

use clap::Subcommand;
use devices_domain::{ChangeUserError, Email, ShortText, Store, User, UserFields};
use serde::Serialize;

use super::arguments::{parse_email, parse_label, parse_person_name};
use super::{Admin, erase};
use crate::cli::CliError;
use crate::cli::output::{ignore_closed_pipe, optional_cell, print_table};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Add a user to a workspace
    Add {
        /// Name of the workspace
        #[arg(long, value_name = "NAME", value_parser = parse_label)]
        workspace: String,
        /// Email address, unique in the workspace regardless of case
        #[arg(value_parser = parse_email)]
        email: Email,
        /// First name
        #[arg(long, value_name = "NAME", value_parser = parse_person_name)]
        first_name: Option<ShortText>,
        /// Last name
        #[arg(long, value_name = "NAME", value_parser = parse_person_name)]
        last_name: Option<ShortText>,
    },
    /// Erase the personal data of a user for good: the user, its traces in archived devices and
    /// enrolments, and the stored responses that name it
    ///
    /// Run it as the owner of the tables; servers may run meanwhile. An interrupted erasure can be
    /// repeated. Prints what it removed, and which texts still name the user.
    Erase(erase::Arguments),
    /// List users
    List {
        /// List only the users of this workspace
        #[arg(long, value_name = "NAME", value_parser = parse_label)]
        workspace: Option<String>,
    },
}

impl Admin {
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
                    ..UserFields::new(email)
                };
                let users = self.store.for_workspace(workspace.id).users;
                let added = users.create(user, self.author()).await;
                let added = added.map_err(|error| match error {
                    ChangeUserError::Repository(error) => error.into(),
                    ChangeUserError::QuotaExceeded => CliError::Rejected(format!(
                        "the workspace \"{}\" has the maximum number of users. Delete some, or \
                         raise DEVICES__LIMITS__USERS_PER_WORKSPACE.",
                        workspace.name
                    )),
                    // The arguments are valid, so a taken address is the only other error.
                    _ => CliError::Rejected(
                        "the workspace already has a user with this email address.".to_owned(),
                    ),
                })?;
                print_users(self.json, &added, std::slice::from_ref(&added))
            }
            Command::Erase(arguments) => self.erase(arguments).await,
            Command::List { workspace } => {
                let workspace = self.find_optional_workspace(workspace).await?;
                let id = workspace.map(|workspace| workspace.id);
                let users = self.store.list_users(id).await?;
                ignore_closed_pipe(print_users(self.json, &users, &users))
            }
        }
    }
}

fn print_users<T: Serialize>(json: bool, value: &T, users: &[User]) -> Result<(), CliError> {
    let row = |user: &User| {
        vec![
            user.id.to_string(),
            user.workspace_id.to_string(),
            user.fields.email.as_str().to_owned(),
            optional_cell(user.fields.first_name.as_ref().map(ShortText::as_str)),
            optional_cell(user.fields.last_name.as_ref().map(ShortText::as_str)),
        ]
    };
    let rows = users.iter().map(row).collect();
    let headings = ["ID", "WORKSPACE", "EMAIL", "FIRST NAME", "LAST NAME"];
    print_table(json, value, &headings, rows)
}
