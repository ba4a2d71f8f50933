//! Deletes stored responses of idempotent requests that name a user.

use devices_domain::WorkspaceId;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::PersonalValues;
use crate::postgres::idempotency_keys;

#[derive(QueryableByName)]
struct ResponseRow {
    #[diesel(sql_type = Text)]
    operation: String,
    #[diesel(sql_type = Text)]
    key: String,
}

/// Deletes the responses that contain these devices. Returns their number.
///
/// A response has the creation time of its devices, because one transaction writes both. Others of
/// that time belong to the same group commit: the pattern excludes them. The JSON of each created
/// device begins with its id and its name.
pub(super) fn delete_of_devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[i64],
) -> QueryResult<usize> {
    let ids: Vec<String> = devices.iter().map(i64::to_string).collect();
    let found = diesel::sql_query(
        "SELECT operation, key FROM idempotency_keys \
         WHERE idempotency_keys.workspace_id = $1 \
           AND idempotency_keys.created_at IN ( \
               SELECT devices.created_at FROM devices \
               WHERE devices.workspace_id = $1 AND devices.id = ANY ($2)) \
           AND convert_from(outcome, 'UTF8') ~ $3",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .bind::<Text, _>(format!("\"id\":({}),\"name\":", ids.join("|")))
    .load(connection)?;
    delete(connection, workspace, found)
}

/// Deletes the responses whose body or key contains one of the values, without regard to case.
/// Returns their number.
pub(super) fn delete_naming(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    values: &PersonalValues,
) -> QueryResult<usize> {
    let found = diesel::sql_query(
        "SELECT operation, key FROM idempotency_keys \
         WHERE idempotency_keys.workspace_id = $1 AND EXISTS ( \
             SELECT FROM lower(key || ' ' || convert_from(outcome, 'UTF8')) AS text \
             JOIN unnest($2) AS value ON strpos(text, lower(value)) > 0)",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(values.in_json())
    .load(connection)?;
    delete(connection, workspace, found)
}

/// Deletes responses that were found. A response never changes, and the condition for its deletion
/// is too complex for a DELETE on a cluster.
fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    found: Vec<ResponseRow>,
) -> QueryResult<usize> {
    if found.is_empty() {
        return Ok(0);
    }
    let keys = found.into_iter().map(|row| (row.operation, row.key));
    let (operations, keys) = keys.unzip();
    idempotency_keys::delete(connection, workspace, operations, keys)
}

impl PersonalValues {
    /// Returns the values as a string in JSON contains them.
    fn in_json(&self) -> Vec<String> {
        let escape = |value: &String| value.replace('\\', r"\\").replace('"', r#"\""#);
        self.0.iter().map(escape).collect()
    }
}
