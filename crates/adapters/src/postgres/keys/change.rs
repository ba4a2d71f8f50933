//! Creation, rotation and revocation of keys, each with its audit event.

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, ApiKey, Author, KeyError, KeyId, KeyPrecondition, NewApiKey, NewSecret, Subject,
    WorkspaceId,
};
use diesel::dsl::now;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::row::{KeyRow, is_active};
use crate::postgres::audit_events::NewEvent;
use crate::postgres::schema::tables::api_keys;
use crate::postgres::transaction::run::{Effect, Failure};

/// Result of a change: the key, and whether it was written.
pub(crate) type ChangeResult = Result<(ApiKey, Effect), Failure<KeyError>>;

/// Locks the keys of a workspace against other changes until the transaction ends. The first
/// statement of every change: what it reads after that, no other change makes outdated.
///
/// Not a lock of the workspace, since a cluster would lock all of them.
pub(crate) fn lock(connection: &mut PgConnection, workspace: WorkspaceId) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('api keys', $1))")
        .bind::<BigInt, _>(workspace.0)
        .execute(connection)
        .map(drop)
}

/// Finds a key, and whether it is active.
pub(crate) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    key: KeyId,
) -> Result<(ApiKey, bool), Failure<KeyError>> {
    let found: Option<(KeyRow, bool)> = api_keys::table
        .find((workspace.0, key.0))
        .select((KeyRow::as_select(), is_active()))
        .first(connection)
        .optional()?;
    let (row, is_active) = found.ok_or(Failure::Rejected(KeyError::NotFound))?;
    Ok((into_key(row)?, is_active))
}

/// Converts a row within a transaction.
pub(crate) fn into_key(row: KeyRow) -> Result<ApiKey, Failure<KeyError>> {
    ApiKey::try_from(row).map_err(|error| Failure::Rejected(error.into()))
}

/// Checks the precondition of a new key with this name. The keys must be [locked](lock).
pub(crate) fn check(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    name: &str,
    precondition: KeyPrecondition,
) -> Result<(), Failure<KeyError>> {
    let KeyPrecondition::NoneSince(newest) = precondition else {
        return Ok(());
    };
    let newer: Option<KeyRow> = api_keys::table
        .filter(api_keys::workspace_id.eq(workspace.0))
        .filter(api_keys::id.gt(newest.map_or(0, |newest| newest.0)))
        .filter(api_keys::name.eq(name))
        .select(KeyRow::as_select())
        .order(api_keys::id)
        .first(connection)
        .optional()?;
    match newer {
        Some(newer) => {
            let newer = KeyError::CreatedSince(Box::new(into_key(newer)?));
            Err(Failure::Rejected(newer))
        }
        None => Ok(()),
    }
}

/// Inserts a key, unless the workspace has `max` active keys. Keys that will retire after a
/// rotation do not count. The keys must be [locked](lock): two transactions could otherwise both
/// take the last place.
pub(crate) fn insert(
    connection: &mut PgConnection,
    key: &NewApiKey,
    max: u32,
    author: &Author,
) -> ChangeResult {
    let active: i64 = api_keys::table
        .filter(api_keys::workspace_id.eq(key.workspace.0))
        .filter(is_active())
        .filter(api_keys::retires_at.is_null())
        .count()
        .get_result(connection)?;
    if active >= max.into() {
        return Err(Failure::Rejected(KeyError::TooMany(max)));
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
    let inserted = into_key(inserted)?;
    NewEvent::new(Action::Created, Subject::Key(inserted.id)).insert_audit_event(
        connection,
        key.workspace,
        author,
    )?;
    Ok((inserted, Effect::Unmarked))
}

/// Replacement of a key.
#[derive(Clone)]
pub(crate) struct Rotation {
    pub(crate) workspace: WorkspaceId,
    pub(crate) old: KeyId,
    pub(crate) secret: NewSecret,
    /// Time at which the old key retires, unless a previous rotation set an earlier one.
    pub(crate) until: DateTime<Utc>,
    pub(crate) precondition: KeyPrecondition,
    /// Maximum number of active keys.
    pub(crate) max: u32,
}

/// Replaces an active key by one with the same name and scope. `expiry` returns the expiry of the
/// new key, given the old key and the current time. The keys must be [locked](lock).
pub(crate) fn rotate(
    connection: &mut PgConnection,
    rotation: &Rotation,
    author: &Author,
    expiry: impl FnOnce(&ApiKey, DateTime<Utc>) -> Result<Option<DateTime<Utc>>, KeyError>,
) -> ChangeResult {
    let Rotation {
        workspace,
        old,
        secret,
        until,
        precondition,
        max,
    } = rotation;
    let (replaced, is_active) = find(connection, *workspace, *old)?;
    if !is_active {
        return Err(Failure::Rejected(KeyError::Inactive));
    }
    check(connection, *workspace, &replaced.name, *precondition)?;
    let expires_at = expiry(&replaced, Utc::now()).map_err(Failure::Rejected)?;
    let retires_at = replaced.retires_at.map_or(*until, |at| at.min(*until));
    diesel::update(api_keys::table.find((workspace.0, old.0)))
        .set(api_keys::retires_at.eq(retires_at))
        .execute(connection)?;
    NewEvent::new(Action::Rotated, Subject::Key(*old))
        .insert_audit_event(connection, *workspace, author)?;
    let key = NewApiKey {
        workspace: *workspace,
        name: replaced.name,
        scope: replaced.scope,
        secret: secret.clone(),
        expires_at,
    };
    insert(connection, &key, *max, author)
}

/// Revokes a key, unless it is revoked already. The keys must be [locked](lock).
pub(crate) fn revoke(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    key: KeyId,
    author: &Author,
) -> ChangeResult {
    let key_row = api_keys::table.find((workspace.0, key.0));
    let revoked: Option<KeyRow> = diesel::update(key_row.filter(api_keys::revoked_at.is_null()))
        .set(api_keys::revoked_at.eq(now))
        .returning(KeyRow::as_returning())
        .get_result(connection)
        .optional()?;
    let Some(revoked) = revoked else {
        let (unchanged, _) = find(connection, workspace, key)?;
        return Ok((unchanged, Effect::None));
    };
    NewEvent::new(Action::Revoked, Subject::Key(key))
        .insert_audit_event(connection, workspace, author)?;
    Ok((into_key(revoked)?, Effect::Unmarked))
}
