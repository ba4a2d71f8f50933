//! The API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    Actor, ApiKey, KeyId, KeyRepository, NewApiKey, RepositoryError, Scope, WorkspaceId,
};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};

use super::database::{Database, classify};
use crate::schema::api_keys;

/// The API keys, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresKeys {
    database: Database,
}

impl PostgresKeys {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct KeyRow {
    id: i64,
    workspace_id: i64,
    name: String,
    scope: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = RepositoryError;

    fn try_from(row: KeyRow) -> Result<Self, Self::Error> {
        Ok(Self {
            id: KeyId(row.id),
            workspace_id: WorkspaceId(row.workspace_id),
            name: row.name,
            scope: read_scope(&row.scope)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        })
    }
}

fn read_scope(stored: &str) -> Result<Scope, RepositoryError> {
    Scope::ALL
        .into_iter()
        .find(|scope| scope.as_str() == stored)
        .ok_or_else(|| RepositoryError::Failed("unknown scope of a key".into()))
}

#[async_trait]
impl KeyRepository for PostgresKeys {
    async fn find_actor(
        &self,
        workspace: WorkspaceId,
        secret_sha256: [u8; 32],
    ) -> Result<Option<Actor>, RepositoryError> {
        let query = api_keys::table
            .filter(api_keys::workspace_id.eq(workspace.0))
            .filter(api_keys::secret_sha256.eq(secret_sha256.to_vec()))
            .filter(api_keys::revoked_at.is_null())
            .filter(
                api_keys::expires_at
                    .is_null()
                    .or(api_keys::expires_at.assume_not_null().gt(now)),
            )
            .select((api_keys::id, api_keys::scope));
        let found: Option<(i64, String)> = self
            .database
            .run(move |connection| query.first(connection).optional().map_err(classify))
            .await?;
        found
            .map(|(id, scope)| {
                Ok(Actor {
                    workspace,
                    key: KeyId(id),
                    scope: read_scope(&scope)?,
                })
            })
            .transpose()
    }

    async fn create(&self, key: NewApiKey) -> Result<ApiKey, RepositoryError> {
        let insert = diesel::insert_into(api_keys::table)
            .values((
                api_keys::workspace_id.eq(key.workspace.0),
                api_keys::name.eq(key.name),
                api_keys::scope.eq(key.scope.as_str()),
                api_keys::secret_sha256.eq(key.secret_sha256.to_vec()),
                api_keys::expires_at.eq(key.expires_at),
            ))
            .returning(KeyRow::as_returning());
        let row = self
            .database
            .run(move |connection| insert.get_result(connection).map_err(classify))
            .await?;
        row.try_into()
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

    async fn revoke(&self, key: KeyId) -> Result<Option<ApiKey>, RepositoryError> {
        let already_or_now =
            diesel::dsl::sql::<Nullable<Timestamptz>>("coalesce(revoked_at, now())");
        let update = diesel::update(api_keys::table.filter(api_keys::id.eq(key.0)))
            .set(api_keys::revoked_at.eq(already_or_now))
            .returning(KeyRow::as_returning());
        let row: Option<KeyRow> = self
            .database
            .run(move |connection| update.get_result(connection).optional().map_err(classify))
            .await?;
        row.map(ApiKey::try_from).transpose()
    }
}
