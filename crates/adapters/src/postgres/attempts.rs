//! What was answered under clients' idempotency keys.

use std::time::Duration;

use devices_domain::{Attempt, Remembered, RepositoryError, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Text};

use super::database::{Database, classify};
use crate::schema::idempotency_keys;

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Takes the attempt for this transaction, if no other has it. Answers at once: an insert would
/// wait for the other transaction's end. A crash leaves nothing, since the lock ends with its
/// transaction.
pub(super) fn try_lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    attempt: &Attempt,
) -> QueryResult<bool> {
    let locked: Locked = diesel::sql_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended($2 || ' ' || $3, $1)) AS locked",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Text, _>(attempt.operation)
    .bind::<Text, _>(attempt.key.as_str())
    .get_result(connection)?;
    Ok(locked.locked)
}

pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    attempt: &Attempt,
) -> QueryResult<Option<Remembered>> {
    let found: Option<(Vec<u8>, Vec<u8>)> = idempotency_keys::table
        .find((workspace.0, attempt.operation, attempt.key.as_str()))
        .select((idempotency_keys::fingerprint, idempotency_keys::outcome))
        .first(connection)
        .optional()?;
    let Some((fingerprint, answer)) = found else {
        return Ok(None);
    };
    let fingerprint = fingerprint.try_into().map_err(|_| {
        diesel::result::Error::DeserializationError("a fingerprint has 32 bytes".into())
    })?;
    Ok(Some(Remembered {
        fingerprint,
        answer,
    }))
}

pub(super) fn remember(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    attempt: &Attempt,
    answer: &[u8],
) -> QueryResult<()> {
    let row = (
        idempotency_keys::workspace_id.eq(workspace.0),
        idempotency_keys::operation.eq(attempt.operation),
        idempotency_keys::key.eq(attempt.key.as_str()),
        idempotency_keys::fingerprint.eq(attempt.fingerprint.as_slice()),
        idempotency_keys::outcome.eq(answer),
    );
    diesel::insert_into(idempotency_keys::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// Any number that no other program on the same database locks.
const TURN: i64 = 0x466f_7267_6574_4b65;

/// Removes what was remembered by any workspace for longer than `kept`, in small batches, so that
/// nobody waits for it. Of several processes that would do so at once one does. Returns how many
/// were removed.
///
/// # Errors
/// Where the store gives no answer; what was removed until then stays removed.
pub async fn forget_outcomes(
    database: &Database,
    kept: Duration,
) -> Result<usize, RepositoryError> {
    // Each may hold the answer to a large batch, a megabyte of it.
    const AT_ONCE: usize = 50;
    let mut forgotten = 0;
    loop {
        let removed = database
            .run(move |connection| {
                diesel::sql_query(format!(
                    "/* all workspaces */ WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({TURN}) AS is_mine) \
                     DELETE FROM idempotency_keys \
                     WHERE (SELECT is_mine FROM turn) AND (workspace_id, operation, key) IN ( \
                         SELECT workspace_id, operation, key FROM idempotency_keys \
                         WHERE created_at < now() - make_interval(secs => $1) \
                         ORDER BY created_at LIMIT {AT_ONCE})"
                ))
                .bind::<Double, _>(kept.as_secs_f64())
                .execute(connection)
                .map_err(classify)
            })
            .await?;
        forgotten += removed;
        if removed < AT_ONCE {
            return Ok(forgotten);
        }
    }
}
