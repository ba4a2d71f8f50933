//! Changes of single users, each with its audit event.

use devices_domain::{
    Action, Author, ChangeUserError, Email, Origin, Subject, User, UserChange, UserFields, UserId,
    WorkspaceId,
};
use diesel::dsl::{exists, now};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::row::{DerivedColumns, UserColumns, UserRow};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::query::updated_at::next_updated_at_sql;
use crate::postgres::schema::tables::{devices, users};
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::{self, Resource};

type ChangeResult = Result<(User, Effect), Failure<ChangeUserError>>;

/// Inserts a user.
pub(crate) fn create(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: &UserFields,
    author: &Author,
    quota: u64,
) -> ChangeResult {
    if usage_counts::total(connection, workspace, Resource::Users)? >= quota {
        return Err(Failure::Rejected(ChangeUserError::QuotaExceeded));
    }
    check_email(connection, workspace, &user.email, None)?;
    let row: UserRow = diesel::insert_into(users::table)
        .values((
            users::workspace_id.eq(workspace.0),
            UserColumns::from_fields(user),
            DerivedColumns::new(user),
        ))
        .returning(UserRow::as_returning())
        .get_result(connection)?;
    let created = row.into_user()?;
    let event = NewEvent::new(Action::Created, Subject::User(created.id));
    let event = event.with_usage(Resource::Users, 1);
    let effect = match author {
        Author::Request(origin) => {
            Effect::Marked(event.insert_change_event(connection, workspace, origin)?)
        }
        Author::Command(_) => {
            event.insert_audit_event(connection, workspace, author)?;
            Effect::Unmarked
        }
    };
    Ok((created, effect))
}

/// Applies a patch to a user.
pub(crate) fn update(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    change: &UserChange,
) -> ChangeResult {
    let before = lock(connection, workspace, change.user)?;
    let after = change
        .patch
        .apply(&before.fields)
        .map_err(|error| Failure::Rejected(ChangeUserError::Rejected(error)))?;
    let changed_fields = before.fields.changed_field_names(&after);
    if changed_fields.is_empty() {
        return Ok((before, Effect::None));
    }
    check_email(connection, workspace, &after.email, Some(change.user))?;
    let row: UserRow = diesel::update(users::table.find((workspace.0, change.user.0)))
        .set((
            UserColumns::from_fields(&after),
            DerivedColumns::new(&after),
            users::updated_at.eq(next_updated_at_sql()),
        ))
        .returning(UserRow::as_returning())
        .get_result(connection)?;
    let event =
        NewEvent::new(Action::Updated, Subject::User(change.user)).with_fields(changed_fields);
    let marker = event.insert_change_event(connection, workspace, &change.origin)?;
    Ok((row.into_user()?, Effect::Marked(marker)))
}

/// Deletes a user to whom no active device is assigned.
pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    origin: &Origin,
) -> ChangeResult {
    let deleted = lock(connection, workspace, user)?;
    let assigned_devices = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::user_id.eq(user.0))
        .filter(devices::deleted_at.is_null());
    if diesel::select(exists(assigned_devices)).get_result(connection)? {
        return Err(Failure::Rejected(ChangeUserError::HasDevices));
    }
    diesel::update(users::table.find((workspace.0, user.0)))
        .set((
            users::deleted_at.eq(now),
            users::updated_at.eq(next_updated_at_sql()),
        ))
        .execute(connection)?;
    let event = NewEvent::new(Action::Deleted, Subject::User(user));
    let event = event.with_usage(Resource::Users, -1);
    let marker = event.insert_change_event(connection, workspace, origin)?;
    Ok((deleted, Effect::Marked(marker)))
}

/// Reads an active user and locks it until the transaction ends. `FOR UPDATE` conflicts with the
/// `FOR KEY SHARE` of a device look-up, so no device is assigned to the user meanwhile.
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

/// Rejects the email address of an active user other than `owner`. If two transactions take it at
/// the same time, the unique index `users_email_key` stops the second, and its retry is rejected
/// here.
fn check_email(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    email: &Email,
    owner: Option<UserId>,
) -> Result<(), Failure<ChangeUserError>> {
    let holder: Option<i64> = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(users::email_folded.eq(email.folded()))
        .filter(users::deleted_at.is_null())
        .select(users::id)
        .first(connection)
        .optional()?;
    match holder.map(UserId) {
        Some(holder) if Some(holder) != owner => {
            Err(Failure::Rejected(ChangeUserError::EmailTaken(holder)))
        }
        _ => Ok(()),
    }
}
