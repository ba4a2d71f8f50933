//! The users of one workspace: the assignees of its devices.

mod change;
mod create_many;
mod row;
mod select;

use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    Author, ChangeUserError, Origin, Page, PageRequest, RepositoryError, User, UserChange,
    UserFields, UserFilter, UserId, UserRepository, WorkspaceId,
};
use diesel::prelude::*;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::prepared::unprepared;
use crate::postgres::schema::tables::users;
pub(crate) use create_many::{NewUser, create_many, reserve_ids};
pub(crate) use row::AssigneeRow;
use row::UserRow;
pub(crate) use select::{assignees, list_all};

/// The users of one workspace, in PostgreSQL.
pub(crate) struct PostgresUsers {
    database: Database,
    workspace: WorkspaceId,
    /// Maximum number of active users.
    quota: u64,
}

impl PostgresUsers {
    pub(crate) fn new(database: Database, workspace: WorkspaceId, quota: u64) -> Self {
        Self {
            database,
            workspace,
            quota,
        }
    }
}

#[async_trait]
impl UserRepository for PostgresUsers {
    async fn find(&self, user: UserId) -> Result<Option<User>, RepositoryError> {
        let query = users::table
            .find((self.workspace.0, user.0))
            .filter(users::deleted_at.is_null())
            .select(UserRow::as_select());
        self.database
            .run(move |connection| {
                let query = unprepared(query);
                let row = query.get_result(connection).optional();
                let row = row.map_err(classify)?;
                row.map(UserRow::into_user).transpose().map_err(classify)
            })
            .await
    }

    async fn list(
        &self,
        filter: UserFilter,
        page: PageRequest,
    ) -> Result<Page<User>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .query(move |connection| select::list(connection, workspace, &filter, page))
            .await
    }

    async fn create(&self, user: UserFields, author: Author) -> Result<User, ChangeUserError> {
        let (workspace, quota) = (self.workspace, self.quota);
        self.database
            .transact(move |connection| {
                change::create(connection, workspace, &user, &author, quota)
            })
            .await
    }

    async fn update(&self, change: Arc<UserChange>) -> Result<User, ChangeUserError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| change::update(connection, workspace, &change))
            .await
    }

    async fn delete(&self, user: UserId, origin: Origin) -> Result<User, ChangeUserError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| change::delete(connection, workspace, user, &origin))
            .await
    }
}
