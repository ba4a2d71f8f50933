//! Command `user erase`.

use clap::Args;
use devices_adapters::postgres::{
    ErasableUser, EraseError, ErasedTraces, Mentions, UserSelector, VACUUM,
};
use devices_domain::{DeviceId, UserId, Workspace};
use serde_json::json;

use super::arguments::{parse_email, parse_id, parse_label};
use super::{Admin, confirmation};
use crate::cli::CliError;
use crate::cli::output::{print_error_line, print_line};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Name of the workspace
    #[arg(long, value_name = "NAME", value_parser = parse_label)]
    workspace: String,
    /// Id of the user, or an email address, which selects every user that has it, deleted ones
    /// included
    #[arg(value_name = "ID|EMAIL", value_parser = parse_selector)]
    user: UserSelector,
    /// Unassign the devices that are assigned to the user; without it, such a user is not erased
    #[arg(long)]
    unassign: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

fn parse_selector(text: &str) -> Result<UserSelector, String> {
    if let Ok(id) = parse_id(text) {
        return Ok(UserSelector::Id(UserId(id)));
    }
    match parse_email(text) {
        Ok(email) => Ok(UserSelector::Email(email)),
        Err(_) => Err("must be the id of a user, such as 3, or an email address".to_owned()),
    }
}

impl Admin {
    pub(super) async fn erase(&self, arguments: Arguments) -> Result<(), CliError> {
        let workspace = self.find_workspace(&arguments.workspace).await?;
        self.erasure.check_privileges().await?;
        let selector = arguments.user.clone();
        let users = self.erasure.find(workspace.id, selector).await?;
        if users.is_empty() {
            return self.report_unknown(&workspace, arguments.user).await;
        }
        if !arguments.unassign {
            reject_devices(&users)?;
        }
        if !arguments.yes {
            confirm(&workspace, &users)?;
        }
        let mut erased = ErasedTraces::default();
        for user in &users {
            let operator = self.operator.clone();
            let traces = self
                .erasure
                .erase(workspace.id, user, arguments.unassign, operator)
                .await;
            erased.add(traces.map_err(|error| match error {
                EraseError::HasDevices => devices_assigned("a device was assigned meanwhile"),
                EraseError::Repository(error) => error.into(),
            })?);
        }
        let mentions = self.erasure.mentions(workspace.id, &users).await?;
        let is_vacuumed = self.vacuum().await;
        let users: Vec<i64> = users.iter().map(|user| user.id.0).collect();
        if self.json {
            print_line(to_json(&users, erased, &mentions, is_vacuumed))
        } else {
            print_text(&users, erased, &mentions)
        }
    }

    /// Succeeds if the user was erased earlier, so that the command can be repeated.
    async fn report_unknown(
        &self,
        workspace: &Workspace,
        selector: UserSelector,
    ) -> Result<(), CliError> {
        let name = &workspace.name;
        match selector {
            UserSelector::Id(user) if self.erasure.was_erased(workspace.id, user).await? => {
                if self.json {
                    let nothing = ErasedTraces::default();
                    print_line(to_json(&[], nothing, &Mentions::default(), true))
                } else {
                    print_line(format_args!("User {user} was erased before."))
                }
            }
            UserSelector::Id(user) => Err(CliError::Rejected(format!(
                "the workspace \"{name}\" has no user {user}. `devices-api user list` prints all \
                 active users."
            ))),
            // The message omits the address: a mistyped one may be that of another person.
            UserSelector::Email(_) => Err(CliError::Rejected(format!(
                "no user of the workspace \"{name}\" has this email address. An erased user is \
                 not found by it."
            ))),
        }
    }

    /// Removes the dead rows. The erasure is complete for clients without it, so a failure is only
    /// reported.
    async fn vacuum(&self) -> bool {
        let result = self.erasure.vacuum().await;
        if let Err(error) = &result {
            print_error_line(format_args!(
                "warning: the user is erased, but its dead rows are not removed yet: {error}. Run \
                 later: {VACUUM}"
            ));
        }
        result.is_ok()
    }
}

/// Rejects users with active devices.
fn reject_devices(users: &[ErasableUser]) -> Result<(), CliError> {
    let devices = users.iter().flat_map(|user| &user.active_devices);
    let devices: Vec<DeviceId> = devices.copied().collect();
    if devices.is_empty() {
        return Ok(());
    }
    Err(devices_assigned(&format!(
        "assigned to the user: {}",
        format_ids(&devices)
    )))
}

fn devices_assigned(problem: &str) -> CliError {
    CliError::Rejected(format!(
        "{problem}. Assign the devices to others first, or add --unassign."
    ))
}

/// Asks on the terminal.
///
/// # Errors
/// `Rejected` if the answer is not `erase`, or if there is no terminal.
fn confirm(workspace: &Workspace, users: &[ErasableUser]) -> Result<(), CliError> {
    let ids: Vec<i64> = users.iter().map(|user| user.id.0).collect();
    let devices: usize = users.iter().map(|user| user.active_devices.len()).sum();
    let question = format!(
        "Erase user {} of the workspace \"{}\" for good, and unassign {devices} devices? Type \
         \"erase\" to continue: ",
        format_ids(&ids),
        workspace.name
    );
    if confirmation::ask("an erasure", &question, "erase")? {
        Ok(())
    } else {
        Err(CliError::Rejected("nothing was erased.".to_owned()))
    }
}

/// Formats ids as a list of at most 20.
fn format_ids(ids: &[impl ToString]) -> String {
    const MAX: usize = 20;
    let shown: Vec<String> = ids.iter().take(MAX).map(ToString::to_string).collect();
    let shown = shown.join(", ");
    match ids.len().saturating_sub(MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn to_json(
    users: &[i64],
    erased: ErasedTraces,
    mentions: &Mentions,
    is_vacuumed: bool,
) -> serde_json::Value {
    json!({
        "erased_users": users,
        "unassigned_devices": erased.active_devices,
        "archived_devices": erased.archived_devices,
        "enrollments": erased.enrollments,
        "responses": erased.responses,
        "is_vacuumed": is_vacuumed,
        "mentioned_in": {
            "devices": mentions.devices,
            "enrollments": mentions.enrollments,
            "users": mentions.users,
            "keys": mentions.keys,
        },
    })
}

fn print_text(users: &[i64], erased: ErasedTraces, mentions: &Mentions) -> Result<(), CliError> {
    print_line(format_args!("Erased user {}.", format_ids(users)))?;
    for (label, count) in [
        ("unassigned devices", erased.active_devices),
        (
            "archived devices without their assignee",
            erased.archived_devices,
        ),
        ("enrolments without their local name", erased.enrollments),
        ("deleted responses of idempotent requests", erased.responses),
    ] {
        print_line(format_args!("  {count} {label}"))?;
    }
    if mentions.is_empty() {
        return Ok(());
    }
    print_line("Texts that still name the user, and that only you can change:")?;
    for (label, ids) in [
        ("devices", &mentions.devices),
        ("enrolments", &mentions.enrollments),
        ("users", &mentions.users),
        ("names of API keys", &mentions.keys),
    ] {
        if !ids.is_empty() {
            print_line(format_args!("  {label}: {}", format_ids(ids)))?;
        }
    }
    Ok(())
}
