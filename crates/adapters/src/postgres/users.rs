//! The users: the assignees of devices.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use devices_domain::{NewUser, RepositoryError, User, UserId, UserRepository, WorkspaceId};
use diesel::prelude::*;

use super::database::{Database, classify, unless_taken};
use crate::schema::users;

/// The users, in PostgreSQL.
#[derive(Clone)]
pub struct PostgresUsers {
    database: Database,
}

impl PostgresUsers {
    /// Over this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct UserRow {
    id: i64,
    workspace_id: i64,
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: UserId(row.id),
            workspace_id: WorkspaceId(row.workspace_id),
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            created_at: row.created_at,
        }
    }
}

#[async_trait]
impl UserRepository for PostgresUsers {
    async fn create(&self, user: NewUser) -> Result<Option<User>, RepositoryError> {
        let insert = diesel::insert_into(users::table)
            .values((
                users::workspace_id.eq(user.workspace.0),
                users::email.eq(user.email),
                users::first_name.eq(user.first_name),
                users::last_name.eq(user.last_name),
            ))
            .returning(UserRow::as_returning());
        let row: Option<UserRow> = self
            .database
            .run(move |connection| unless_taken(insert.get_result(connection), "users_email_key"))
            .await?;
        Ok(row.map(User::from))
    }

    async fn list(&self, workspace: Option<WorkspaceId>) -> Result<Vec<User>, RepositoryError> {
        let mut query = users::table
            .filter(users::deleted_at.is_null())
            .order(users::id)
            .select(UserRow::as_select())
            .into_boxed();
        if let Some(workspace) = workspace {
            query = query.filter(users::workspace_id.eq(workspace.0));
        }
        let rows: Vec<UserRow> = self
            .database
            .run(move |connection| query.load(connection).map_err(classify))
            .await?;
        Ok(rows.into_iter().map(User::from).collect())
    }
}
