//! Command `setup`: from an empty database to the first key.

mod first_key;
mod key_file;
mod report;
mod server_url;

use std::path::PathBuf;

use clap::Args;
use devices_adapters::postgres::{
    LoginRoleChange, LoginRoleError, grant_serving_role, lock_schema, migrate, role_privileges,
    set_login_role,
};
use secrecy::{ExposeSecret, SecretString};

use super::admin::arguments::{parse_role, parse_workspace_name};
use super::database_wait::wait_for_database;
use super::{CliError, log};
use crate::settings::{Pooler, Settings};
pub(super) use first_key::bootstrap;
use first_key::{EnsuredWorkspace, FirstKey, WorkspaceSetup, create_first};
pub(super) use key_file::KeyFileError;
use report::{LoginRole, Report};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Workspace to create unless it exists; without it, the settings `bootstrap.*` decide
    #[arg(long, value_name = "NAME", value_parser = parse_workspace_name)]
    workspace: Option<String>,
    /// Write the secret of the key to this new file, instead of printing it
    #[arg(long, value_name = "FILE", requires = "workspace")]
    key_file: Option<PathBuf>,
    /// Login role of the server to create; an existing one gets the password
    #[arg(long, value_name = "ROLE", requires = "password_file", value_parser = parse_role)]
    login: Option<String>,
    /// File with the password of the login role; a newline at its end is ignored
    #[arg(long, value_name = "FILE", requires = "login")]
    password_file: Option<PathBuf>,
}

/// Runs all steps. Each finds what exists already, so that the command can be repeated.
pub(super) async fn run(
    arguments: Arguments,
    settings: &Settings,
    json: bool,
) -> Result<(), CliError> {
    if settings.database.pooler == Pooler::Transaction {
        return Err(CliError::MigrationThroughPooler);
    }
    // Before the first change: a wrong path must not leave half of a setup.
    let password = arguments.password_file.as_ref();
    let password = password.map(read_password).transpose()?;
    // Long migrations log their progress.
    log::start(&settings.log);
    let url = settings.database.url.expose_secret();
    wait_for_database(&settings.database).await?;
    let migrations = migrate(url)?;
    let advice = grant_serving_role(url, settings.database.serving_role())?;
    let serving_role = role_privileges(url, settings.database.serving_role())?.serving_role;
    let login = arguments.login.zip(password);
    let login = login.map(|(name, password)| set_login(settings, name, &password));
    let mut report = Report {
        migrations,
        advice,
        serving_role,
        login: login.transpose()?,
        ..Report::default()
    };
    if let Some(name) = arguments.workspace {
        let (workspace, key) =
            create_workspace(settings, &name, arguments.key_file.as_ref()).await?;
        report.workspace = Some(workspace);
        report.key = key;
        report.key_file = arguments.key_file;
    } else if let Some((name, path)) = settings.bootstrap.first_workspace() {
        if let Some((workspace, key)) = create_first(settings, name, path).await? {
            report.workspace = Some(workspace);
            report.key = Some(key);
        }
        report.key_file = Some(path.to_owned());
    }
    report.print(settings, json)
}

/// Creates a workspace unless there is one of this name, and a key unless it has an active one.
async fn create_workspace(
    settings: &Settings,
    name: &str,
    key_file: Option<&PathBuf>,
) -> Result<(EnsuredWorkspace, Option<FirstKey>), CliError> {
    let _lock = lock_schema(settings.database.url.expose_secret())?;
    let first = WorkspaceSetup::new(settings)?;
    let found = first.workspace(name).await?;
    let key = match key_file {
        Some(path) => first.key_in_file(&found.workspace, path).await?,
        None => first.key(&found.workspace).await?,
    };
    Ok((found, key))
}

fn set_login(
    settings: &Settings,
    name: String,
    password: &SecretString,
) -> Result<LoginRole, CliError> {
    let url = settings.database.url.expose_secret();
    let role = settings.database.serving_role();
    let change = set_login_role(url, role, &name, password.expose_secret());
    let change = change.map_err(|error| match error {
        LoginRoleError::Connect(error) => error.into(),
        error => CliError::Rejected(format!("{error}.")),
    })?;
    Ok(LoginRole {
        server_url: server_url::server_url(url, &name),
        is_created: change == LoginRoleChange::Created,
        name,
    })
}

/// Reads the password of the login role.
fn read_password(path: &PathBuf) -> Result<SecretString, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::Rejected(format!("cannot read the file of --password-file: {error}."))
    })?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() || password.contains(['\0', '\n']) {
        return Err(CliError::Rejected(
            "the file of --password-file must contain the password in one line.".to_owned(),
        ));
    }
    Ok(password.into())
}
