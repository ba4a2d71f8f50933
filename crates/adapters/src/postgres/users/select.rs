//! Reads users.

use std::collections::HashMap;

use devices_domain::{
    Assignee, Page, PageRequest, RepositoryError, User, UserFilter, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::row::{AssigneeRow, UserRow};
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::pagination::PagedQuery;
use crate::postgres::query::prepared::unprepared;
use crate::postgres::query::search_sql::SearchSql;
use crate::postgres::query::statement::{Statement, Value};
use crate::postgres::schema::tables::users;
use crate::postgres::usage_counts::Resource;

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

/// Returns users as the assignees of devices. Omits unknown ids.
pub(crate) fn assignees(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    users: &[UserId],
) -> QueryResult<HashMap<UserId, Assignee>> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = users.iter().map(|user| user.0);
    let query = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(users::id.eq_any(ids.collect::<Vec<_>>()))
        .select(AssigneeRow::as_select());
    let rows: Vec<AssigneeRow> = unprepared(query).load(connection)?;
    let assignees = rows.into_iter().map(AssigneeRow::into_assignee);
    Ok(assignees.map(|assignee| (assignee.id, assignee)).collect())
}

/// Lists a page of the active users that match the filter.
pub(crate) fn list(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &UserFilter,
    page: PageRequest,
) -> QueryResult<Page<User>> {
    let UserFilter {
        search,
        updated_since,
    } = filter;
    let mut from = Statement::default();
    let workspace_id = from.bind(Value::Integer(workspace.0));
    let search = search
        .as_ref()
        .map(|search| SearchSql::new(search, &mut from));
    from.push(&format!(
        " FROM users WHERE users.workspace_id = {workspace_id} AND users.deleted_at IS NULL"
    ));
    if let Some(search) = &search {
        from.push(" AND ").push(&search.user_condition());
    }
    from.push_and_since("users.updated_at", *updated_since);
    let rank = search.map(|search| search.rank("users.search_document"));
    let mut list = PagedQuery::new(from, "users.id").with_rank(rank);
    if *filter == UserFilter::default() {
        list = list.with_count(workspace, Resource::Users);
    }
    let page = list.page(connection, page)?;
    let rows = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(users::id.eq_any(&page.items))
        .select(UserRow::as_select());
    let rows: Vec<UserRow> = unprepared(rows).load(connection)?;
    let mut rows: HashMap<i64, UserRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let sorted = page.items.iter().filter_map(|id| rows.remove(id));
    let users = sorted.map(UserRow::into_user).collect::<QueryResult<_>>()?;
    Ok(page.with_items(users))
}
