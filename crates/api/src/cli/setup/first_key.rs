//! The first workspace and its first key.

use std::path::Path;

use chrono::Utc;
use devices_adapters::postgres::{PostgresKeys, PostgresWorkspaces, lock_schema};
use devices_domain::{
    ApiKey, KeyError, KeyRepository, NewApiKey, NewWorkspace, Operator, RepositoryError, Scope,
    Workspace, WorkspaceRepository,
};
use secrecy::ExposeSecret;

use super::key_file::{KeyFile, KeyFileError};
use crate::cli::admin::current_operator;
use crate::cli::{CliError, admin_database};
use crate::secret::KeySecret;
use crate::settings::Settings;

/// Scope and label of the first key.
const SCOPE: Scope = Scope::Admin;
const LABEL: &str = "setup";

/// Creates the first workspace and its first key.
pub(super) struct WorkspaceSetup {
    workspaces: PostgresWorkspaces,
    keys: PostgresKeys,
    operator: Operator,
}

/// A workspace that exists now.
pub(super) struct EnsuredWorkspace {
    pub(super) workspace: Workspace,
    pub(super) is_created: bool,
}

/// A key that was created, with its secret.
pub(super) struct FirstKey {
    pub(super) key: ApiKey,
    pub(super) secret: KeySecret,
}

impl WorkspaceSetup {
    pub(super) fn new(settings: &Settings) -> Result<Self, CliError> {
        let database = admin_database(settings)?;
        Ok(Self {
            workspaces: PostgresWorkspaces::new(database.clone()),
            keys: PostgresKeys::new(database),
            operator: current_operator(),
        })
    }

    /// Returns the workspace of this name. Creates it if there is none.
    pub(super) async fn workspace(&self, name: &str) -> Result<EnsuredWorkspace, CliError> {
        let new = NewWorkspace {
            name: name.to_owned(),
            device_limit: None,
        };
        if let Some(workspace) = self.workspaces.find(name.to_owned()).await? {
            return Ok(EnsuredWorkspace {
                workspace,
                is_created: false,
            });
        }
        let created = self.workspaces.create(new, self.operator.clone()).await?;
        // Another process created it meanwhile.
        let is_created = created.is_some();
        let workspace = match created {
            Some(workspace) => Some(workspace),
            None => self.workspaces.find(name.to_owned()).await?,
        };
        let workspace = workspace.ok_or_else(|| {
            CliError::Rejected("the workspace was deleted meanwhile. Run this again.".to_owned())
        })?;
        Ok(EnsuredWorkspace {
            workspace,
            is_created,
        })
    }

    /// Returns the workspace to create at the first start, if it is still to be set up: there is no
    /// workspace, or only this one exists, and no key was ever created in it. A start that was
    /// interrupted leaves it like that.
    pub(super) async fn first_workspace(
        &self,
        name: &str,
    ) -> Result<Option<EnsuredWorkspace>, CliError> {
        match self.workspaces.list().await?.as_slice() {
            [] => {}
            [only] if only.name == name => {
                if !self.keys.list(Some(only.id)).await?.is_empty() {
                    return Ok(None);
                }
            }
            _ => return Ok(None),
        }
        self.workspace(name).await.map(Some)
    }

    /// Creates a key unless the workspace has an active one.
    pub(super) async fn key(&self, workspace: &Workspace) -> Result<Option<FirstKey>, CliError> {
        let secret = KeySecret::generate(workspace.id);
        let created = self.create(workspace, &secret).await;
        if is_in_doubt(&created) {
            return Err(CliError::Rejected(format!(
                "the connection failed while the key was stored, so its secret was not printed. If \
                 `devices-api key list` has an active key named `{LABEL}`, revoke it. Then run \
                 this again."
            )));
        }
        Ok(created?.map(|key| FirstKey { key, secret }))
    }

    /// Creates a key unless the workspace has an active one, and writes its secret to a new file.
    /// Finishes an interrupted run.
    pub(super) async fn key_in_file(
        &self,
        workspace: &Workspace,
        path: &Path,
    ) -> Result<Option<FirstKey>, CliError> {
        if let Some(key) = self.resume_interrupted(workspace, path).await? {
            return Ok(Some(key));
        }
        if self.has_active_key(workspace).await? {
            return Ok(None);
        }
        let file = KeyFile::new(path, workspace);
        if file.exists()? {
            return Err(KeyFileError::Exists.into());
        }
        let secret = KeySecret::generate(workspace.id);
        file.prepare(&secret)?;
        let created = self.create(workspace, &secret).await;
        // The key may be stored after all: then the next run finds the prepared file.
        if !matches!(created, Ok(Some(_))) && !is_in_doubt(&created) {
            file.discard()?;
        }
        let Some(key) = created? else {
            return Ok(None);
        };
        file.publish()?;
        Ok(Some(FirstKey { key, secret }))
    }

    /// Finishes a run that crashed after it had stored the key of the workspace, and before the
    /// file had its name.
    async fn resume_interrupted(
        &self,
        workspace: &Workspace,
        path: &Path,
    ) -> Result<Option<FirstKey>, CliError> {
        let file = KeyFile::new(path, workspace);
        let Some(secret) = file.pending_secret()? else {
            return Ok(None);
        };
        let actor = self.keys.find_actor(workspace.id, secret.sha256()).await?;
        let Some(actor) = actor else {
            return Ok(None);
        };
        let key = self.keys.find(actor.key).await?;
        let Some(key) = key.filter(|key| key.scope == SCOPE) else {
            return Err(KeyFileError::Unsuitable.into());
        };
        file.publish()?;
        Ok(Some(FirstKey { key, secret }))
    }

    async fn has_active_key(&self, workspace: &Workspace) -> Result<bool, CliError> {
        let now = Utc::now();
        let is_active = |key: &ApiKey| {
            let ends = [key.revoked_at, key.expires_at, key.retires_at];
            ends.into_iter().flatten().all(|end| end > now)
        };
        let keys = self.keys.list(Some(workspace.id)).await?;
        Ok(keys.iter().any(is_active))
    }

    /// Stores a key. Returns `None` if the workspace has an active one, also if another process
    /// stored it at the same time.
    async fn create(
        &self,
        workspace: &Workspace,
        secret: &KeySecret,
    ) -> Result<Option<ApiKey>, CliError> {
        let new = NewApiKey {
            workspace: workspace.id,
            name: LABEL.to_owned(),
            scope: SCOPE,
            secret: secret.to_stored(),
            expires_at: None,
        };
        match self.keys.create(new, 1, self.operator.clone()).await {
            Ok(key) => Ok(Some(key)),
            Err(KeyError::TooMany(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns whether the key may be stored in spite of the error.
fn is_in_doubt(created: &Result<Option<ApiKey>, CliError>) -> bool {
    matches!(
        created,
        Err(CliError::DatabaseUnavailable(RepositoryError::InDoubt(_)))
    )
}

/// Creates the first workspace and its key as the settings `bootstrap.*` state, if they are set and
/// there is no workspace. Requires the privileges of the owner of the tables.
pub(in crate::cli) async fn bootstrap(settings: &Settings) -> Result<(), CliError> {
    let Some((name, path)) = settings.bootstrap.first_workspace() else {
        return Ok(());
    };
    if create_first(settings, name, path).await?.is_some() {
        tracing::info!(
            "created the first workspace, and wrote the secret of its key to the file in \
             DEVICES__BOOTSTRAP__KEY_FILE"
        );
    }
    Ok(())
}

/// Creates the first workspace and its key. Returns `None` if they exist.
pub(super) async fn create_first(
    settings: &Settings,
    name: &str,
    path: &Path,
) -> Result<Option<(EnsuredWorkspace, FirstKey)>, CliError> {
    let _lock = lock_schema(settings.database.url.expose_secret())?;
    let first = WorkspaceSetup::new(settings)?;
    // A workspace with a key is set up, unless the file of the key has not got its name.
    if let Some(workspace) = first.workspaces.find(name.to_owned()).await?
        && let Some(key) = first.resume_interrupted(&workspace, path).await?
    {
        let is_created = false;
        let found = EnsuredWorkspace {
            workspace,
            is_created,
        };
        return Ok(Some((found, key)));
    }
    let Some(found) = first.first_workspace(name).await? else {
        return Ok(None);
    };
    let key = first.key_in_file(&found.workspace, path).await?;
    Ok(key.map(|key| (found, key)))
}
