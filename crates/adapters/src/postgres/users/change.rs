//! Changes of users.

use devices_domain::{
    Action, ChangeUserError, Email, Origin, Subject, User, UserChange, UserFields, UserId,
    WorkspaceId,
};
use diesel::dsl::{exists, now};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::row::{Columns, UserRow};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::schema::tables::{devices, users};
use crate::postgres::transaction::run::{Effect, Failure};

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

pub(super) fn create(
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

pub(super) fn update(
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

pub(super) fn delete(
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
