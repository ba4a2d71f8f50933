//! Creation, rotation and revocation of keys, each with its audit event.

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, ApiKey, Author, KeyError, KeyId, NewApiKey, NewSecret, RepositoryError, Subject,
    WorkspaceId,
};
use diesel::dsl::now;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::BigInt;

use super::row::{KeyRow, is_active};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::connection::error::classify;
use crate::postgres::schema::tables::api_keys;

/// Reason why a transaction on keys is rolled back.
pub(crate) enum Failure {
    Key(KeyError),
    Diesel(DieselError),
}

impl From<DieselError> for Failure {
    fn from(error: DieselError) -> Self {
        Self::Diesel(error)
    }
}

impl From<RepositoryError> for Failure {
    fn from(error: RepositoryError) -> Self {
        Self::Key(error.into())
    }
}

impl From<Failure> for KeyError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Key(error) => error,
            Failure::Diesel(error) => classify(error).into(),
        }
    }
}

/// Inserts a key, unless the workspace has `max` active keys. Keys that will retire after a
/// rotation do not count.
pub(crate) fn insert(
    connection: &mut PgConnection,
    key: &NewApiKey,
    max: u32,
    author: &Author,
) -> Result<KeyRow, Failure> {
    // Two concurrent transactions could otherwise both take the last place. Not a lock of the
    // workspace, since a cluster would lock all of them.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('api keys', $1))")
        .bind::<BigInt, _>(key.workspace.0)
        .execute(connection)?;
    let active: i64 = api_keys::table
        .filter(api_keys::workspace_id.eq(key.workspace.0))
        .filter(is_active())
        .filter(api_keys::retires_at.is_null())
        .count()
        .get_result(connection)?;
    if active >= max.into() {
        return Err(Failure::Key(KeyError::TooMany(max)));
    }
    let row = (
        api_keys::workspace_id.eq(key.workspace.0),
        api_keys::name.eq(&key.name),
        api_keys::scope.eq(key.scope.as_str()),
        api_keys::secret_sha256.eq(key.secret.sha256.to_vec()),
        api_keys::secret_prefix.eq(&key.secret.prefix),
        api_keys::expires_at.eq(key.expires_at),
    );
    let inserted: KeyRow = diesel::insert_into(api_keys::table)
        .values(row)
        .returning(KeyRow::as_returning())
        .get_result(connection)?;
    let created = NewEvent::new(Action::Created, Subject::Key(inserted.key_id()));
    created.insert_audit_event(connection, key.workspace, author)?;
    Ok(inserted)
}

/// Replaces an active key by one with the same name, scope and lifetime. The old key retires at
/// `until`, or at the earlier time set by a previous rotation.
pub(crate) fn rotate(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    old: KeyId,
    secret: NewSecret,
    until: DateTime<Utc>,
    max: u32,
    author: &Author,
) -> Result<KeyRow, Failure> {
    let found: Option<(KeyRow, bool)> = api_keys::table
        .find((workspace.0, old.0))
        .select((KeyRow::as_select(), is_active()))
        .for_no_key_update()
        .first(connection)
        .optional()?;
    let (row, is_active) = found.ok_or(Failure::Key(KeyError::NotFound))?;
    if !is_active {
        return Err(Failure::Key(KeyError::Inactive));
    }
    let replaced = ApiKey::try_from(row)?;
    let lifetime = replaced.expires_at.map(|at| at - replaced.created_at);
    let key = NewApiKey {
        workspace,
        name: replaced.name,
        scope: replaced.scope,
        secret,
        expires_at: lifetime.and_then(|lifetime| Utc::now().checked_add_signed(lifetime)),
    };
    let retires_at = replaced.retires_at.map_or(until, |at| at.min(until));
    diesel::update(api_keys::table.find((workspace.0, old.0)))
        .set(api_keys::retires_at.eq(retires_at))
        .execute(connection)?;
    NewEvent::new(Action::Rotated, Subject::Key(old))
        .insert_audit_event(connection, workspace, author)?;
    insert(connection, &key, max, author)
}

/// Revokes a key, unless it is revoked already. Returns `None` if it does not exist.
pub(crate) fn revoke(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    key: KeyId,
    author: &Author,
) -> QueryResult<Option<KeyRow>> {
    let key_row = api_keys::table.find((workspace.0, key.0));
    let revoked: Option<KeyRow> = diesel::update(key_row.filter(api_keys::revoked_at.is_null()))
        .set(api_keys::revoked_at.eq(now))
        .returning(KeyRow::as_returning())
        .get_result(connection)
        .optional()?;
    if revoked.is_none() {
        let unchanged = key_row.select(KeyRow::as_select());
        return unchanged.first(connection).optional();
    }
    NewEvent::new(Action::Revoked, Subject::Key(key))
        .insert_audit_event(connection, workspace, author)?;
    Ok(revoked)
}
