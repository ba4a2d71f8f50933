//! The users: the assignees of devices.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use devices_domain::{
    Action, Assignee, ChangeUserError, Email, Origin, Page, PageRequest, RepositoryError, Search,
    ShortText, Subject, User, UserChange, UserFields, UserId, UserRepository, WorkspaceId,
};
use diesel::dsl::{exists, now};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::postgres::audit_events::NewEvent;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::columns::{Column, columns};
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::search_sql::SearchSql;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::schema::tables::{devices, users};
use crate::postgres::transaction::run::{Effect, Failure};

/// Lists the active users of one workspace, or of all workspaces, oldest first.
pub(crate) async fn list_all(
    database: &Database,
    workspace: Option<WorkspaceId>,
) -> Result<Vec<User>, RepositoryError> {
    let mut query = users::table
        .filter(users::deleted_at.is_null())
        .order(users::id)
        .select(UserRow::as_select())
        .into_boxed();
    if let Some(workspace) = workspace {
        query = query.filter(users::workspace_id.eq(workspace.0));
    }
    database
        .run(move |connection| {
            let rows = query.load(connection).map_err(classify)?;
            let users = rows.into_iter().map(UserRow::into_user);
            users.collect::<QueryResult<_>>().map_err(classify)
        })
        .await
}

/// The users of one workspace, in PostgreSQL.
pub(crate) struct PostgresUsers {
    database: Database,
    workspace: WorkspaceId,
}

impl PostgresUsers {
    pub(crate) fn new(database: Database, workspace: WorkspaceId) -> Self {
        Self {
            database,
            workspace,
        }
    }
}

columns! {
    users: Columns of UserFields {
        email: Cow<'a, str>,
        first_name: Option<Cow<'a, str>>,
        last_name: Option<Cow<'a, str>>,
        phone: Option<Cow<'a, str>>,
        phone_country: Option<Cow<'a, str>>,
        language: Option<Cow<'a, str>>,
        position: Option<Cow<'a, str>>,
        role: Cow<'a, str>,
        arrival_date: Option<NaiveDate>,
        departure_date: Option<NaiveDate>,
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct UserRow {
    id: i64,
    workspace_id: i64,
    #[diesel(embed)]
    columns: Columns<'static>,
    created_at: DateTime<Utc>,
}

impl UserRow {
    fn into_user(self) -> QueryResult<User> {
        Ok(User {
            id: UserId(self.id),
            workspace_id: WorkspaceId(self.workspace_id),
            fields: self.columns.into_fields()?,
            created_at: self.created_at,
        })
    }
}

/// What is told of the users that devices are given to; nothing of those that were deleted since.
pub(crate) fn assignees(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    wanted: BTreeSet<UserId>,
) -> QueryResult<HashMap<UserId, Assignee>> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = wanted.iter().map(|user| user.0);
    let found: Vec<(i64, String, Option<String>, Option<String>)> = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(users::id.eq_any(ids))
        .filter(users::deleted_at.is_null())
        .select((users::id, users::email, users::first_name, users::last_name))
        .load(connection)?;
    let assignees = found.into_iter().map(|(id, email, first_name, last_name)| {
        let assignee = Assignee {
            id: UserId(id),
            email: Email::from_trusted(email),
            first_name: first_name.map(ShortText::from_trusted),
            last_name: last_name.map(ShortText::from_trusted),
        };
        (assignee.id, assignee)
    });
    Ok(assignees.collect())
}

#[async_trait]
impl UserRepository for PostgresUsers {
    async fn find(&self, user: UserId) -> Result<Option<User>, RepositoryError> {
        let found = users::table
            .find((self.workspace.0, user.0))
            .filter(users::deleted_at.is_null())
            .select(UserRow::as_select());
        self.database
            .run(move |connection| {
                let row = found.first(connection).optional().map_err(classify)?;
                row.map(UserRow::into_user).transpose().map_err(classify)
            })
            .await
    }

    async fn list(
        &self,
        search: Option<Search>,
        paging: PageRequest,
    ) -> Result<Page<User>, RepositoryError> {
        let workspace = self.workspace;
        self.database
            .read(move |connection| list(connection, workspace, search.as_ref(), paging))
            .await
    }

    async fn create(
        &self,
        user: UserFields,
        origin: Option<Origin>,
    ) -> Result<User, ChangeUserError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| create(connection, workspace, &user, origin.as_ref()))
            .await
    }

    async fn update(&self, change: Arc<UserChange>) -> Result<User, ChangeUserError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| update(connection, workspace, &change))
            .await
    }

    async fn delete(&self, user: UserId, origin: Origin) -> Result<User, ChangeUserError> {
        let workspace = self.workspace;
        self.database
            .transact(move |connection| delete(connection, workspace, user, &origin))
            .await
    }
}

fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    search: Option<&Search>,
    paging: PageRequest,
) -> QueryResult<Page<User>> {
    let mut from = Statement::default();
    let own = from.bind(Value::Integer(workspace.0));
    let terms = search.map(|search| SearchSql::new(search, &mut from));
    from.push(&format!(
        " FROM users WHERE users.workspace_id = {own} AND users.deleted_at IS NULL"
    ));
    if let Some(terms) = &terms {
        from.push(" AND ").push(&terms.user_condition());
    }
    let list = PagedQuery {
        from,
        id: "users.id",
        rank: terms.map(|terms| terms.rank("users.document")),
    };
    let page = list.page(connection, paging)?;
    let rows: Vec<UserRow> = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(users::id.eq_any(&page.items))
        .select(UserRow::as_select())
        .load(connection)?;
    let mut rows: HashMap<i64, UserRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let in_order = page.items.iter().filter_map(|id| rows.remove(id));
    Ok(Page {
        items: in_order
            .map(UserRow::into_user)
            .collect::<QueryResult<_>>()?,
        total: page.total,
        next: page.next,
    })
}

/// Nothing, or that another living user has the address.
fn check_email(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    email: &Email,
    own: Option<UserId>,
) -> Result<(), Failure<ChangeUserError>> {
    let lower = diesel::dsl::sql::<diesel::sql_types::Bool>("lower(users.email) = lower(")
        .bind::<Text, _>(email.as_str())
        .sql(")");
    let holder: Option<i64> = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(lower)
        .filter(users::deleted_at.is_null())
        .select(users::id)
        .first(connection)
        .optional()?;
    match holder.map(UserId).filter(|holder| Some(*holder) != own) {
        None => Ok(()),
        Some(holder) => Err(Failure::Rejected(ChangeUserError::EmailTaken(holder))),
    }
}

fn create(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: &UserFields,
    origin: Option<&Origin>,
) -> Result<(User, Effect), Failure<ChangeUserError>> {
    check_email(connection, workspace, &user.email, None)?;
    let row: UserRow = diesel::insert_into(users::table)
        .values((
            users::workspace_id.eq(workspace.0),
            Columns::from_fields(user),
        ))
        .returning(UserRow::as_returning())
        .get_result(connection)?;
    let created = row.into_user()?;
    let record = NewEvent::new(Action::Created, Subject::User(created.id));
    let written = match origin {
        Some(origin) => Effect::Marked(record.insert(connection, workspace, origin)?),
        None => Effect::Unmarked,
    };
    Ok((created, written))
}

/// The living user, whom nobody else changes, and to whom nobody gives a device, until the transaction
/// ends.
fn lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
) -> Result<User, Failure<ChangeUserError>> {
    let row = users::table
        .find((workspace.0, user.0))
        .filter(users::deleted_at.is_null())
        .select(UserRow::as_select())
        .for_update()
        .first(connection)
        .optional()?;
    let row = row.ok_or(Failure::Rejected(ChangeUserError::NotFound))?;
    Ok(row.into_user()?)
}

fn update(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    change: &UserChange,
) -> Result<(User, Effect), Failure<ChangeUserError>> {
    let before = lock(connection, workspace, change.user)?;
    let refused = |error| Failure::Rejected(ChangeUserError::Rejected(error));
    let after = change.patch.apply(&before.fields).map_err(refused)?;
    let changed = before.fields.changed_field_names(&after);
    if changed.is_empty() {
        return Ok((before, Effect::None));
    }
    check_email(connection, workspace, &after.email, Some(change.user))?;
    let row: UserRow = diesel::update(users::table.find((workspace.0, change.user.0)))
        .set(Columns::from_fields(&after))
        .returning(UserRow::as_returning())
        .get_result(connection)?;
    let record = NewEvent::new(Action::Updated, Subject::User(change.user)).with_fields(changed);
    let receipt = record.insert(connection, workspace, &change.origin)?;
    Ok((row.into_user()?, Effect::Marked(receipt)))
}

fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    origin: &Origin,
) -> Result<(User, Effect), Failure<ChangeUserError>> {
    let deleted = lock(connection, workspace, user)?;
    let held = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::user_id.eq(user.0))
        .filter(devices::deleted_at.is_null());
    if diesel::select(exists(held)).get_result(connection)? {
        return Err(Failure::Rejected(ChangeUserError::HasDevices));
    }
    diesel::update(users::table.find((workspace.0, user.0)))
        .set(users::deleted_at.eq(now))
        .execute(connection)?;
    let record = NewEvent::new(Action::Deleted, Subject::User(user));
    let receipt = record.insert(connection, workspace, origin)?;
    Ok((deleted, Effect::Marked(receipt)))
}
