//! Changes of single users, each with its audit event.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, Author, ChangeUserError, Email, Origin, Subject, User, UserChange, UserFields, UserId,
    WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};

use super::row::{DerivedColumns, UserColumns, UserRow};
use crate::postgres::audit_events::{EVENT_ID, FIRST_PARAMETER, NewEvent, with_event_at};
use crate::postgres::query::columns::assignments;
use crate::postgres::query::prepared::{prepared, unprepared};
use crate::postgres::query::statement::IdRow;
use crate::postgres::query::updated_at::{clock_timestamp, next_updated_at};
use crate::postgres::schema::tables::users;
use crate::postgres::transaction::in_doubt::CommitMarker;
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
    check_email(connection, workspace, &user.email)?;
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
    patch: &UserChange,
) -> ChangeResult {
    let locked = LockedUser::lock(connection, workspace, patch.user)?;
    let before = &locked.user.fields;
    let after = patch
        .patch
        .apply(before)
        .map_err(|error| Failure::Rejected(ChangeUserError::Rejected(error)))?;
    let changed_fields = before.changed_field_names(&after);
    if changed_fields.is_empty() {
        return Ok((locked.user, Effect::None));
    }
    if after.email.folded() != before.email.folded() {
        check_email(connection, workspace, &after.email)?;
    }
    let event =
        NewEvent::new(Action::Updated, Subject::User(patch.user)).with_fields(changed_fields);
    let changed = ChangedUser {
        user: User {
            fields: after,
            ..locked.user
        },
        updated_at: locked.next_updated_at,
        deleted_at: None,
    };
    let marker = change(connection, &changed, event, &patch.origin)?;
    Ok((
        changed.user,
        Effect::Marked(marker.ok_or(DieselError::NotFound)?),
    ))
}

/// Deletes a user to whom no active device is assigned.
pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    origin: &Origin,
) -> ChangeResult {
    let locked = LockedUser::lock(connection, workspace, user)?;
    let event = NewEvent::new(Action::Deleted, Subject::User(user));
    let event = event.with_usage(Resource::Users, -1);
    let deleted = ChangedUser {
        user: locked.user,
        updated_at: locked.next_updated_at,
        deleted_at: Some(locked.next_updated_at),
    };
    match change(connection, &deleted, event, origin)? {
        Some(marker) => Ok((deleted.user, Effect::Marked(marker))),
        None => Err(Failure::Rejected(ChangeUserError::HasDevices)),
    }
}

/// New state of a user that is locked.
struct ChangedUser {
    user: User,
    updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
}

/// Changes a user. Changes nothing if the user is to be deleted and has active devices.
static CHANGE: LazyLock<String> = LazyLock::new(|| {
    let [
        user,
        updated_at,
        deleted_at,
        email_folded,
        search_document,
        first_column,
    ] = std::array::from_fn(|index| FIRST_PARAMETER + index);
    let assignments = assignments(UserColumns::NAMES, first_column);
    with_event_at(
        &format!("${updated_at}"),
        &format!(
            "UPDATE users SET {assignments}, updated_at = ${updated_at}, \
                 deleted_at = ${deleted_at}, email_folded = ${email_folded}, \
                 search_document = ${search_document} \
             WHERE users.workspace_id = $1 AND users.id = ${user} AND (${deleted_at} IS NULL \
                 OR NOT EXISTS (SELECT FROM devices WHERE devices.workspace_id = $1 \
                                AND devices.user_id = ${user} AND devices.deleted_at IS NULL)) \
             RETURNING users.id"
        ),
        &format!("SELECT {EVENT_ID} AS id FROM changed"),
    )
});

/// Stores the new state of a locked user with an audit event. Returns `None` if nothing was
/// changed.
fn change(
    connection: &mut PgConnection,
    changed: &ChangedUser,
    event: NewEvent,
    origin: &Origin,
) -> QueryResult<Option<CommitMarker>> {
    let ChangedUser {
        user,
        updated_at,
        deleted_at,
    } = changed;
    let workspace = user.workspace_id;
    let query = event
        .bind_to(prepared(CHANGE.as_str()), workspace, origin)
        .bind::<BigInt, _>(user.id.0)
        .bind::<Timestamptz, _>(updated_at)
        .bind::<Nullable<Timestamptz>, _>(deleted_at);
    let query = DerivedColumns::new(&user.fields).bind_to(query);
    let query = UserColumns::from_fields(&user.fields).bind_to(query);
    let inserted: Option<IdRow> = query.get_result(connection).optional()?;
    Ok(inserted.map(|inserted| event.marker(workspace, origin, inserted.id)))
}

/// An active user that no other transaction changes until this one ends.
struct LockedUser {
    user: User,
    /// Time of the change that this transaction makes.
    next_updated_at: DateTime<Utc>,
}

impl LockedUser {
    /// Reads an active user and locks it. `FOR UPDATE` conflicts with the `FOR KEY SHARE` of a
    /// device look-up, so no device is assigned to the user meanwhile.
    fn lock(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        user: UserId,
    ) -> Result<Self, Failure<ChangeUserError>> {
        let row = users::table
            .find((workspace.0, user.0))
            .filter(users::deleted_at.is_null())
            .select((UserRow::as_select(), users::updated_at, clock_timestamp()))
            .for_update();
        let row: Option<(UserRow, DateTime<Utc>, DateTime<Utc>)> =
            unprepared(row).get_result(connection).optional()?;
        let (row, updated_at, now) = row.ok_or(Failure::Rejected(ChangeUserError::NotFound))?;
        Ok(Self {
            user: row.into_user()?,
            next_updated_at: next_updated_at(now, updated_at),
        })
    }
}

/// Rejects the email address of an active user. If two transactions take it at the same time, the
/// unique index `users_email_key` stops the second, and its retry is rejected here.
fn check_email(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    email: &Email,
) -> Result<(), Failure<ChangeUserError>> {
    let holder: Option<i64> = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .filter(users::email_folded.eq(email.folded()))
        .filter(users::deleted_at.is_null())
        .select(users::id)
        .first(connection)
        .optional()?;
    match holder {
        Some(holder) => Err(Failure::Rejected(ChangeUserError::EmailTaken(UserId(
            holder,
        )))),
        None => Ok(()),
    }
}
