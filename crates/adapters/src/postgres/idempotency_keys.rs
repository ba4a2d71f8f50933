//! What was answered under clients' idempotency keys.

use std::collections::HashMap;
use std::time::Duration;

use devices_domain::{IdempotentRequest, RepositoryError, StoredResponse, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Double, Text};

use crate::postgres::connection::database::{Database, classify};
use crate::postgres::schema::tables::idempotency_keys;

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// What attempts are called, as two arrays.
fn names<'a>(attempts: &[&'a IdempotentRequest]) -> (Vec<&'static str>, Vec<&'a str>) {
    let named = attempts.iter();
    named
        .map(|attempt| (attempt.operation, attempt.key.as_str()))
        .unzip()
}

/// Takes each attempt for this transaction, if no other has it; whether it did. Answers at once: an
/// insert would wait for the other transaction's end. A crash leaves nothing, since the lock ends with
/// its transaction.
pub(crate) fn try_lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    attempts: &[&IdempotentRequest],
) -> QueryResult<Vec<bool>> {
    let (operations, keys) = names(attempts);
    let locked: Vec<Locked> = diesel::sql_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(operation || ' ' || key, $1)) AS locked \
         FROM unnest($2, $3) AS wanted (operation, key)",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(operations)
    .bind::<Array<Text>, _>(keys)
    .load(connection)?;
    Ok(locked.into_iter().map(|one| one.locked).collect())
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Bytea)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    outcome: Vec<u8>,
}

/// What is remembered of these attempts, by their places among them.
pub(crate) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    attempts: &[&IdempotentRequest],
) -> QueryResult<HashMap<usize, StoredResponse>> {
    let (operations, keys) = names(attempts);
    let found: Vec<Found> = diesel::sql_query(
        "SELECT place, remembered.* FROM unnest($2, $3) WITH ORDINALITY AS wanted (operation, key, place) \
         CROSS JOIN LATERAL ( \
             SELECT fingerprint, outcome FROM idempotency_keys \
             WHERE idempotency_keys.workspace_id = $1 \
               AND idempotency_keys.operation = wanted.operation \
               AND idempotency_keys.key = wanted.key \
             LIMIT 1 \
         ) AS remembered",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(operations)
    .bind::<Array<Text>, _>(keys)
    .load(connection)?;
    let remembered = |found: Found| {
        let fingerprint = found.fingerprint.try_into().map_err(|_| {
            diesel::result::Error::DeserializationError("a fingerprint has 32 bytes".into())
        })?;
        let remembered = StoredResponse {
            fingerprint,
            answer: found.outcome,
        };
        Ok((found.place as usize - 1, remembered))
    };
    found.into_iter().map(remembered).collect()
}

/// Remembers what each of these attempts is answered.
pub(crate) fn remember(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    answered: &[(&IdempotentRequest, &[u8])],
) -> QueryResult<()> {
    let rows = answered.iter().map(|(attempt, answer)| {
        (
            idempotency_keys::workspace_id.eq(workspace.0),
            idempotency_keys::operation.eq(attempt.operation),
            idempotency_keys::key.eq(attempt.key.as_str()),
            idempotency_keys::fingerprint.eq(attempt.fingerprint.as_slice()),
            idempotency_keys::outcome.eq(*answer),
        )
    });
    diesel::insert_into(idempotency_keys::table)
        .values(rows.collect::<Vec<_>>())
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
pub async fn purge_idempotency_keys(
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
