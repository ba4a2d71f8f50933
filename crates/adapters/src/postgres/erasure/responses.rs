//! Deletes stored responses of idempotent requests that name a user.

use devices_domain::WorkspaceId;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::PersonalValues;
use crate::postgres::usage_counts::{Resource, UsageChange};

#[derive(QueryableByName)]
struct DeletedRow {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
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
    let deleted: Vec<DeletedRow> = diesel::sql_query(
        "DELETE FROM idempotency_keys USING ( \
             SELECT DISTINCT devices.created_at FROM devices \
             WHERE devices.workspace_id = $1 AND devices.id = ANY ($2) \
         ) AS creation \
         WHERE idempotency_keys.workspace_id = $1 \
           AND idempotency_keys.created_at = creation.created_at \
           AND convert_from(idempotency_keys.outcome, 'UTF8') ~ $3 \
         RETURNING octet_length(idempotency_keys.outcome)::bigint AS bytes",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .bind::<Text, _>(format!("\"id\":({}),\"name\":", ids.join("|")))
    .load(connection)?;
    record_usage(connection, workspace, &deleted)
}

/// Deletes the responses whose body or key contains one of the values, without regard to case.
/// Returns their number.
pub(super) fn delete_naming(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    values: &PersonalValues,
) -> QueryResult<usize> {
    let deleted: Vec<DeletedRow> = diesel::sql_query(
        "DELETE FROM idempotency_keys \
         WHERE idempotency_keys.workspace_id = $1 AND EXISTS ( \
             SELECT FROM lower(key || ' ' || convert_from(outcome, 'UTF8')) AS text \
             JOIN unnest($2) AS value ON strpos(text, lower(value)) > 0) \
         RETURNING octet_length(outcome)::bigint AS bytes",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(values.in_json())
    .load(connection)?;
    record_usage(connection, workspace, &deleted)
}

/// Subtracts the size of deleted responses from the usage. Returns their number.
fn record_usage(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    deleted: &[DeletedRow],
) -> QueryResult<usize> {
    let bytes: i64 = deleted.iter().map(|row| row.bytes).sum();
    if bytes > 0 {
        UsageChange::new(Resource::ResponseBytes, -bytes).record(connection, workspace)?;
    }
    Ok(deleted.len())
}

impl PersonalValues {
    /// Returns the values as a string in JSON contains them.
    fn in_json(&self) -> Vec<String> {
        let escape = |value: &String| value.replace('\\', r"\\").replace('"', r#"\""#);
        self.0.iter().map(escape).collect()
    }
}
