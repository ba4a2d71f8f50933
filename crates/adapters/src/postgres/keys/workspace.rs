//! The API keys of one workspace, managed with one of them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{
    ApiKey, Author, Cursor, KeyError, KeyId, KeyPrecondition, NewApiKey, NewKeyFields, NewSecret,
    Origin, Page, PageRequest, PageStart, RepositoryError, Scope, Total, WorkspaceId,
    WorkspaceKeyRepository,
};
use diesel::dsl::max;
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::change::{self, ChangeResult, Rotation};
use super::row::{KeyRow, is_active};
use crate::postgres::connection::database::Database;
use crate::postgres::query::prepared::unprepared;
use crate::postgres::schema::tables::api_keys;
use crate::postgres::transaction::run::Failure;

/// The API keys of one workspace, in PostgreSQL.
pub(crate) struct PostgresWorkspaceKeys {
    database: Database,
    workspace: WorkspaceId,
    /// Maximum number of active keys.
    quota: u32,
}

impl PostgresWorkspaceKeys {
    pub(crate) fn new(database: Database, workspace: WorkspaceId, quota: u32) -> Self {
        Self {
            database,
            workspace,
            quota,
        }
    }

    /// Runs a change in a transaction, with the acting key and the author of its events.
    async fn change(
        &self,
        origin: Origin,
        change: impl Fn(&mut PgConnection, &ApiKey, &Author) -> ChangeResult + Send + 'static,
    ) -> Result<ApiKey, KeyError> {
        let workspace = self.workspace;
        let key = origin.key;
        let author = Author::Request(origin);
        self.database
            .transact(move |connection| {
                change::lock(connection, workspace)?;
                let acting = acting_key(connection, workspace, key)?;
                change(connection, &acting, &author)
            })
            .await
    }
}

#[async_trait]
impl WorkspaceKeyRepository for PostgresWorkspaceKeys {
    async fn list(&self, page: PageRequest) -> Result<Page<ApiKey>, RepositoryError> {
        let workspace = self.workspace;
        let mut page = self
            .database
            .query(move |connection| list(connection, workspace, page))
            .await?;
        let rows = std::mem::take(&mut page.items);
        let keys: Result<_, _> = rows.into_iter().map(ApiKey::try_from).collect();
        Ok(page.with_items(keys?))
    }

    async fn find(&self, key: KeyId) -> Result<Option<ApiKey>, RepositoryError> {
        let workspace = self.workspace;
        let row = self
            .database
            .query(move |connection| find(connection, workspace, key))
            .await?;
        row.map(ApiKey::try_from).transpose()
    }

    async fn newest(&self) -> Result<Option<KeyId>, RepositoryError> {
        let workspace = self.workspace;
        let newest = self
            .database
            .query(move |connection| newest(connection, workspace));
        Ok(newest.await?.map(KeyId))
    }

    async fn create(
        &self,
        key: NewKeyFields,
        secret: NewSecret,
        precondition: KeyPrecondition,
        origin: Origin,
    ) -> Result<ApiKey, KeyError> {
        let quota = self.quota;
        let lifetime = key.expires_in;
        let new = NewApiKey {
            workspace: self.workspace,
            name: key.name.as_str().to_owned(),
            scope: key.scope,
            secret,
            expires_at: lifetime.map(|lifetime| Utc::now() + lifetime.to_delta()),
        };
        self.change(origin, move |connection, acting, author| {
            let granted = acting.check_grant(new.scope, new.expires_at);
            granted.map_err(|rule| Failure::Rejected(KeyError::Forbidden(rule)))?;
            change::check(connection, new.workspace, &new.name, precondition)?;
            change::insert(connection, &new, quota, author)
        })
        .await
    }

    async fn rotate(
        &self,
        old: KeyId,
        secret: NewSecret,
        until: DateTime<Utc>,
        precondition: KeyPrecondition,
        origin: Origin,
    ) -> Result<ApiKey, KeyError> {
        let rotation = Rotation {
            workspace: self.workspace,
            old,
            secret,
            until,
            precondition,
            max: self.quota,
        };
        self.change(origin, move |connection, acting, author| {
            change::rotate(connection, &rotation, author, |old, now| {
                let expiry = acting.expiry_of_rotation(old, now);
                expiry.map_err(KeyError::Forbidden)
            })
        })
        .await
    }

    async fn revoke(&self, key: KeyId, origin: Origin) -> Result<ApiKey, KeyError> {
        let workspace = self.workspace;
        self.change(origin, move |connection, _, author| {
            let (revoked, is_active) = change::find(connection, workspace, key)?;
            if is_active && revoked.scope == Scope::Admin {
                let others = other_admins(connection, &revoked)?;
                let allowed = revoked.check_revocation(&others);
                allowed.map_err(|rule| Failure::Rejected(KeyError::Forbidden(rule)))?;
            }
            change::revoke(connection, workspace, key, author)
        })
        .await
    }
}

/// Returns the key of a request, unless another request or a command has revoked it since the
/// request was admitted.
fn acting_key(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    key: KeyId,
) -> Result<ApiKey, Failure<KeyError>> {
    match change::find(connection, workspace, key)? {
        (acting, true) => Ok(acting),
        (_, false) => Err(Failure::Rejected(RepositoryError::NotAdmitted.into())),
    }
}

fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    key: KeyId,
) -> QueryResult<Option<KeyRow>> {
    let key = api_keys::table.find((workspace.0, key.0));
    let key = unprepared(key.select(KeyRow::as_select()));
    key.get_result(connection).optional()
}

fn newest(connection: &mut PgConnection, workspace: WorkspaceId) -> QueryResult<Option<i64>> {
    let keys = api_keys::table.filter(api_keys::workspace_id.eq(workspace.0));
    unprepared(keys.select(max(api_keys::id))).get_result(connection)
}

/// Returns the active ADMIN keys of the workspace of `key`, except this one.
fn other_admins(
    connection: &mut PgConnection,
    key: &ApiKey,
) -> Result<Vec<ApiKey>, Failure<KeyError>> {
    let rows: Vec<KeyRow> = api_keys::table
        .filter(api_keys::workspace_id.eq(key.workspace_id.0))
        .filter(api_keys::scope.eq(Scope::Admin.as_str()))
        .filter(api_keys::id.ne(key.id.0))
        .filter(is_active())
        .select(KeyRow::as_select())
        .load(connection)?;
    rows.into_iter().map(change::into_key).collect()
}

/// Lists a page of all keys, oldest first. A workspace has few keys, so all of them are counted.
fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    page: PageRequest,
) -> QueryResult<Page<KeyRow>> {
    let keys = || api_keys::table.filter(api_keys::workspace_id.eq(workspace.0));
    let total: i64 = unprepared(keys().count()).get_result(connection)?;
    let (after, offset) = match page.start {
        PageStart::Cursor(cursor) => (cursor.id, 0),
        PageStart::Offset(offset) => (0, i64::try_from(offset).unwrap_or(i64::MAX)),
    };
    // One more, which shows whether there is a next page.
    let items = keys()
        .filter(api_keys::id.gt(after))
        .select(KeyRow::as_select())
        .order(api_keys::id)
        .limit(i64::from(page.limit) + 1)
        .offset(offset);
    let mut items: Vec<KeyRow> = unprepared(items).load(connection)?;
    let limit = page.limit as usize;
    let has_next = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| has_next);
    Ok(Page {
        next: last.map(|last| Cursor {
            id: last.id,
            rank: None,
            ranked_ids: None,
        }),
        items,
        total: Total::exact(total.unsigned_abs()),
        search_is_complete: true,
    })
}
