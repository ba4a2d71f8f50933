//! API keys.

pub(crate) mod admit;
mod change;
mod last_use;
mod lookup;
mod row;
mod workspace;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Actor, ApiKey, Author, KeyError, KeyId, KeyPrecondition, KeyRepository, NewApiKey, NewSecret,
    Operator, RepositoryError, WorkspaceId,
};
use diesel::prelude::*;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::schema::tables::api_keys;
use crate::postgres::transaction::group_commit::GroupCommitter;
use change::Rotation;
pub(crate) use change::lock as lock_keys;
pub(crate) use last_use::LastUseRecorder;
pub(crate) use row::{IS_ACTIVE, parse_scope};

use lookup::KeyLookup;
use row::KeyRow;
pub(crate) use workspace::PostgresWorkspaceKeys;

/// The API keys of all workspaces, in PostgreSQL. Clones share the grouped look-up and the
/// recording of the last use.
#[derive(Clone)]
pub struct PostgresKeys {
    database: Database,
    lookups: GroupCommitter<KeyLookup>,
    last_use: LastUseRecorder,
}

impl PostgresKeys {
    /// Creates a repository on this database.
    pub fn new(database: Database) -> Self {
        let lookup = KeyLookup::new(&database);
        Self {
            lookups: GroupCommitter::new(lookup, database.pool_timeout()),
            last_use: LastUseRecorder::new(database.clone()),
            database,
        }
    }
}

#[async_trait]
impl KeyRepository for PostgresKeys {
    async fn find_actor(
        &self,
        workspace: WorkspaceId,
        secret_sha256: [u8; 32],
    ) -> Result<Option<Actor>, RepositoryError> {
        let Some(key) = self.lookups.submit(workspace, secret_sha256, None).await? else {
            return Ok(None);
        };
        self.last_use.record(key.actor, key.last_used_at);
        Ok(Some(key.actor))
    }

    async fn create(
        &self,
        key: NewApiKey,
        max: u32,
        operator: Operator,
    ) -> Result<ApiKey, KeyError> {
        let author = Author::Command(operator);
        self.database
            .transact(move |connection| {
                change::lock(connection, key.workspace)?;
                change::insert(connection, &key, max, &author)
            })
            .await
    }

    async fn rotate(
        &self,
        workspace: WorkspaceId,
        old: KeyId,
        secret: NewSecret,
        until: DateTime<Utc>,
        max: u32,
        operator: Operator,
    ) -> Result<ApiKey, KeyError> {
        let author = Author::Command(operator);
        let rotation = Rotation {
            workspace,
            old,
            secret,
            until,
            precondition: KeyPrecondition::Any,
            max,
        };
        self.database
            .transact(move |connection| {
                change::lock(connection, workspace)?;
                change::rotate(connection, &rotation, &author, |old, now| {
                    Ok(old.renewed_expiry(now))
                })
            })
            .await
    }

    async fn find(&self, key: KeyId) -> Result<Option<ApiKey>, RepositoryError> {
        let query = api_keys::table
            .filter(api_keys::id.eq(key.0))
            .select(KeyRow::as_select());
        let row: Option<KeyRow> = self
            .database
            .run(move |connection| query.first(connection).optional().map_err(classify))
            .await?;
        row.map(ApiKey::try_from).transpose()
    }

    async fn list(&self, workspace: Option<WorkspaceId>) -> Result<Vec<ApiKey>, RepositoryError> {
        let mut query = api_keys::table
            .order(api_keys::id)
            .select(KeyRow::as_select())
            .into_boxed();
        if let Some(workspace) = workspace {
            query = query.filter(api_keys::workspace_id.eq(workspace.0));
        }
        let rows: Vec<KeyRow> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    async fn revoke(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
        operator: Operator,
    ) -> Result<ApiKey, KeyError> {
        let author = Author::Command(operator);
        self.database
            .transact(move |connection| {
                change::lock(connection, workspace)?;
                change::revoke(connection, workspace, key, &author)
            })
            .await
    }
}
