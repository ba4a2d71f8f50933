//! Report of `setup`: what exists now, and the next step.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::first_key::{EnsuredWorkspace, FirstKey};
use crate::cli::CliError;
use crate::cli::output::{print_error_line, print_line};
use crate::settings::Settings;

/// Result of `setup`.
#[derive(Default)]
pub(super) struct Report {
    /// Names of the migrations that ran.
    pub(super) migrations: Vec<String>,
    /// Advice about the serving role.
    pub(super) advice: Vec<String>,
    /// Serving role, as an SQL identifier.
    pub(super) serving_role: String,
    pub(super) login: Option<LoginRole>,
    pub(super) workspace: Option<EnsuredWorkspace>,
    /// The key that was created, unless the workspace had one.
    pub(super) key: Option<FirstKey>,
    /// File with the secret of the key. Without it, the secret is printed.
    pub(super) key_file: Option<PathBuf>,
}

/// The login role of the server.
pub(super) struct LoginRole {
    pub(super) name: String,
    pub(super) is_created: bool,
    /// URL of the database for the server, with the word PASSWORD.
    pub(super) server_url: Option<String>,
}

impl Report {
    pub(super) fn print(&self, settings: &Settings, json: bool) -> Result<(), CliError> {
        if json {
            return print_line(self.to_json());
        }
        for advice in &self.advice {
            print_error_line(format_args!("warning: {advice}"));
        }
        print_line(match self.migrations.len() {
            0 => "Schema: up to date.".to_owned(),
            count => format!("Schema: ran {count} migrations."),
        })?;
        print_line(format_args!("Serving role: {}.", self.serving_role))?;
        self.print_login()?;
        self.print_workspace()?;
        self.print_next_steps(settings)
    }

    fn print_login(&self) -> Result<(), CliError> {
        let Some(login) = &self.login else {
            return Ok(());
        };
        let name = &login.name;
        print_line(if login.is_created {
            format!("Login role: created {name}.")
        } else {
            format!("Login role: {name} exists, and has the password of the file now.")
        })
    }

    fn print_workspace(&self) -> Result<(), CliError> {
        if let Some(EnsuredWorkspace {
            workspace,
            is_created,
        }) = &self.workspace
        {
            let name = &workspace.name;
            print_line(if *is_created {
                format!("Workspace: created \"{name}\".")
            } else {
                format!("Workspace: \"{name}\" exists.")
            })?;
        } else if self.key_file.is_some() {
            return print_line("Workspace: one exists, so none was created.");
        } else {
            return print_line("Workspace: none was named. Add --workspace NAME to create one.");
        }
        match (&self.key, &self.key_file) {
            (None, _) => print_line(
                "Key: the workspace has an active one. `devices-api key create` creates more.",
            ),
            (Some(FirstKey { key, .. }), Some(file)) => print_line(format_args!(
                "Key: created key {} ({}). Its secret is in {}",
                key.id,
                key.scope.as_str(),
                file.display()
            )),
            (Some(FirstKey { key, secret }), None) => print_line(format_args!(
                "Key: created key {} ({}). Its secret, printed only this once:\n{}",
                key.id,
                key.scope.as_str(),
                secret.expose()
            )),
        }
    }

    fn print_next_steps(&self, settings: &Settings) -> Result<(), CliError> {
        if let Some(login) = &self.login {
            let name = &login.name;
            let url = login.server_url.as_deref();
            print_line(format_args!(
                "\nStart the server as {name}, with its password in the URL:"
            ))?;
            print_line(format_args!(
                "export DEVICES__DATABASE__URL='{}'",
                url.unwrap_or("the same as now, with this user and its password")
            ))?;
            print_line(
                "DEVICES_ENVIRONMENT=production DEVICES__DATABASE__MIGRATE_ON_START=false \
                 devices-api serve",
            )?;
        }
        if self.key.is_none() {
            return Ok(());
        }
        let secret = match &self.key_file {
            Some(file) => format!("$(cat '{}')", file.display()),
            None => "SECRET".to_owned(),
        };
        let port = settings.server.port;
        print_line(format_args!(
            "\nThen store a first device:\n\
             curl -i http://127.0.0.1:{port}/devices -H \"Authorization: Bearer {secret}\" \
             -H 'Content-Type: application/json' --data '{{\"devices\": [{{\"name\": \"Laptop 1\", \
             \"type\": \"laptop\", \"category\": \"computers\"}}]}}'"
        ))
    }

    fn to_json(&self) -> Value {
        let login = self.login.as_ref().map(|login| {
            json!({
                "name": login.name,
                "is_created": login.is_created,
                "server_url": login.server_url,
            })
        });
        let workspace = self.workspace.as_ref().map(|found| {
            let mut workspace = json!(found.workspace);
            workspace["is_created"] = found.is_created.into();
            workspace
        });
        let key = self.key.as_ref().map(|first| {
            let mut key = json!(first.key);
            match &self.key_file {
                Some(file) => key["key_file"] = file.display().to_string().into(),
                None => key["secret"] = first.secret.expose().into(),
            }
            key
        });
        json!({
            "migrations": self.migrations,
            "advice": self.advice,
            "serving_role": self.serving_role,
            "login_role": login,
            "workspace": workspace,
            "key": key,
        })
    }
}
