//! Responses stored under idempotency keys.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use devices_domain::{
    BatchId, IdempotentRequest, IdempotentResponse, RepositoryError, StoredResponse, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Double, Nullable, Text};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::list_size::ListSize;
use crate::postgres::query::prepared::prepared;
use crate::postgres::schema::tables::idempotency_keys;
use crate::postgres::usage_counts::{self, Resource, UsageChange};

#[derive(QueryableByName)]
struct LockRow {
    #[diesel(sql_type = Bool)]
    is_locked: bool,
    #[diesel(sql_type = BigInt)]
    stored_bytes: i64,
}

/// Locks of requests, and how much is stored for their workspace.
pub(crate) struct Locks {
    /// `true` for each request whose lock was taken.
    pub(crate) is_locked: Vec<bool>,
    /// Bytes of the responses stored for the workspace.
    pub(crate) stored_bytes: u64,
}

/// Returns the operations and the keys of requests, as two arrays.
fn operations_and_keys<'a>(
    requests: &[&'a IdempotentRequest],
) -> (Vec<&'static str>, Vec<&'a str>) {
    requests
        .iter()
        .map(|request| (request.operation, request.key.as_str()))
        .unzip()
}

/// Tries to take an advisory lock for each request.
///
/// Does not wait, unlike an insert, which waits for the end of the other transaction. A lock ends
/// with its transaction, so a crash leaves none behind.
pub(crate) fn try_lock(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    requests: &[&IdempotentRequest],
) -> QueryResult<Locks> {
    let (operations, keys) = operations_and_keys(requests);
    let rows: Vec<LockRow> = prepared(format!(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(operation || ' ' || key, $1)) \
                AS is_locked, \
                {} AS stored_bytes \
         FROM unnest($2, $3) AS requested (operation, key)",
        usage_counts::total_sql(Resource::ResponseBytes),
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(operations)
    .bind::<Array<Text>, _>(keys)
    .load(connection)?;
    let stored_bytes = rows.first().map_or(0, |row| row.stored_bytes);
    Ok(Locks {
        is_locked: rows.into_iter().map(|row| row.is_locked).collect(),
        stored_bytes: u64::try_from(stored_bytes).unwrap_or_default(),
    })
}

#[derive(QueryableByName)]
struct ResponseRow {
    /// Position of the request, counted from 1.
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Bytea)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = Bytea)]
    outcome: Vec<u8>,
    #[diesel(sql_type = Nullable<BigInt>)]
    batch_id: Option<i64>,
}

/// Returns the stored responses, by the indexes of their requests.
pub(crate) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    requests: &[&IdempotentRequest],
) -> QueryResult<HashMap<usize, StoredResponse>> {
    let (operations, keys) = operations_and_keys(requests);
    let size = ListSize::for_length(requests.len());
    let requested = size.rows(&[("operation", "$2"), ("key", "$3")]);
    let rows: Vec<ResponseRow> = prepared(format!(
        "SELECT position, stored.fingerprint, stored.outcome, stored.batch_id FROM {requested} \
         CROSS JOIN LATERAL ( \
             SELECT fingerprint, outcome, batch_id FROM idempotency_keys \
             WHERE idempotency_keys.workspace_id = $1 \
               AND idempotency_keys.operation = requested.operation \
               AND idempotency_keys.key = requested.key \
             LIMIT 1 \
         ) AS stored"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(operations)
    .bind::<Array<Text>, _>(keys)
    .load(connection)?;
    let response = |row: ResponseRow| {
        let fingerprint = row.fingerprint.try_into().map_err(|_| {
            DieselError::DeserializationError("a stored fingerprint is not 32 bytes long".into())
        })?;
        let response = StoredResponse {
            fingerprint,
            body: row.outcome,
            batch: row.batch_id.map(BatchId),
        };
        Ok((row.position as usize - 1, response))
    };
    rows.into_iter().map(response).collect()
}

/// Inserts the response to each request, and records the size of the responses.
pub(crate) fn insert(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    responses: &[(&IdempotentRequest, &IdempotentResponse)],
) -> QueryResult<()> {
    let rows = responses.iter().map(|(request, response)| {
        (
            idempotency_keys::workspace_id.eq(workspace.0),
            idempotency_keys::operation.eq(request.operation),
            idempotency_keys::key.eq(request.key.as_str()),
            idempotency_keys::fingerprint.eq(request.fingerprint.as_slice()),
            idempotency_keys::outcome.eq(response.body.as_slice()),
            idempotency_keys::batch_id.eq(response.batch.map(|batch| batch.0)),
        )
    });
    diesel::insert_into(idempotency_keys::table)
        .values(rows.collect::<Vec<_>>())
        .execute(connection)?;
    let bytes: usize = responses
        .iter()
        .map(|(_, response)| response.body.len())
        .sum();
    UsageChange::new(Resource::ResponseBytes, bytes as i64).record(connection, workspace)
}

/// Key of the advisory lock of the purge. Any number that no other program on the database uses.
/// The bytes spell `ForgetKe` in ASCII.
const PURGE_LOCK: i64 = 0x466f_7267_6574_4b65;

/// Deletes the responses of all workspaces that are older than `retention`. Returns the number of
/// deleted responses.
///
/// Deletes in small batches, so that no request waits long. If several processes purge at the same
/// time, one of them does the work.
///
/// # Errors
/// If the database fails. Batches that were deleted before stay deleted.
pub async fn purge_idempotency_keys(
    database: &Database,
    retention: Duration,
) -> Result<usize, RepositoryError> {
    let mut total = 0;
    loop {
        let deleted = database
            .run(move |connection| {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "after a lost COMMIT the responses are deleted, or still expired"
                )]
                let purged = connection.transaction(|connection| purge(connection, retention));
                purged.map_err(classify)
            })
            .await?;
        total += deleted;
        if deleted < PURGE_BATCH_SIZE {
            return Ok(total);
        }
    }
}

/// Number of responses per transaction of the purge. A response to a large batch takes a megabyte.
const PURGE_BATCH_SIZE: usize = 50;

#[derive(QueryableByName)]
struct ExpiredRow {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
    #[diesel(sql_type = Text)]
    operation: String,
    #[diesel(sql_type = Text)]
    key: String,
}

/// Deletes the oldest expired responses, workspace by workspace. Returns their number.
fn purge(connection: &mut PgConnection, retention: Duration) -> QueryResult<usize> {
    let expired: Vec<ExpiredRow> = diesel::sql_query(format!(
        "/* all workspaces */ WITH purge_lock AS MATERIALIZED ( \
             SELECT pg_try_advisory_xact_lock({PURGE_LOCK}) AS is_locked) \
         SELECT workspace_id, operation, key FROM idempotency_keys \
         WHERE (SELECT is_locked FROM purge_lock) \
           AND created_at < now() - make_interval(secs => $1) \
         ORDER BY created_at LIMIT {PURGE_BATCH_SIZE}"
    ))
    .bind::<Double, _>(retention.as_secs_f64())
    .load(connection)?;
    let count = expired.len();
    let mut by_workspace = BTreeMap::<i64, (Vec<String>, Vec<String>)>::new();
    for row in expired {
        let (operations, keys) = by_workspace.entry(row.workspace_id).or_default();
        operations.push(row.operation);
        keys.push(row.key);
    }
    for (workspace, (operations, keys)) in by_workspace {
        delete(connection, WorkspaceId(workspace), operations, keys)?;
    }
    Ok(count)
}

#[derive(QueryableByName)]
struct DeletedRow {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// Deletes the responses with these operations and keys, and records their size. Returns their
/// number.
pub(crate) fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    operations: Vec<String>,
    keys: Vec<String>,
) -> QueryResult<usize> {
    let deleted: Vec<DeletedRow> = diesel::sql_query(
        "DELETE FROM idempotency_keys \
         WHERE idempotency_keys.workspace_id = $1 \
           AND (operation, key) IN (SELECT * FROM unnest($2, $3)) \
         RETURNING octet_length(outcome)::bigint AS bytes",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(operations)
    .bind::<Array<Text>, _>(keys)
    .load(connection)?;
    let bytes: i64 = deleted.iter().map(|row| row.bytes).sum();
    if bytes > 0 {
        UsageChange::new(Resource::ResponseBytes, -bytes).record(connection, workspace)?;
    }
    Ok(deleted.len())
}
