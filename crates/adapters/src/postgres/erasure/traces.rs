//! Removes a user from devices, their search documents, enrolments and stored responses.

use devices_domain::{Action, Author, DeviceId, EnrollmentId, Subject, UserId, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};

use super::responses;
use crate::postgres::audit_events::NewEvent;
use crate::postgres::devices::lock_search_index;
use crate::postgres::query::statement::IdRow;

/// Maximum number of devices per transaction, which locks them.
const BATCH_SIZE: usize = 500;

/// State of the devices to release.
#[derive(Debug, Clone, Copy)]
pub(super) enum DeviceState {
    Active,
    Archived,
}

/// Numbers of the traces that a transaction removed.
#[derive(Debug, Default)]
pub(super) struct Released {
    pub(super) devices: usize,
    pub(super) enrollments: usize,
    pub(super) responses: usize,
}

impl Released {
    /// Returns whether no devices were left.
    pub(super) fn is_last(&self) -> bool {
        self.devices < BATCH_SIZE
    }
}

/// Removes a user from a batch of its devices, with the audit events.
///
/// Names of devices in device management often contain the name of a person, so the enrolments of
/// their serial numbers lose theirs until it is reported again.
pub(super) fn release(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    state: DeviceState,
    author: &Author,
) -> QueryResult<Released> {
    // Otherwise, a chunk that is being indexed could copy the user from the queue to the index
    // after both were searched for it. Precedes the locks of the devices, as in a rebuild.
    lock_search_index(connection, workspace)?;
    let ids = lock_devices(connection, workspace, user, state)?;
    if ids.is_empty() {
        return Ok(Released::default());
    }
    let responses = responses::delete_of_devices(connection, workspace, &ids)?;
    let enrollments = clear_local_names(connection, workspace, &ids)?;
    unassign(connection, workspace, user, &ids)?;
    for id in &enrollments {
        NewEvent::new(Action::Updated, Subject::Enrollment(EnrollmentId(*id)))
            .with_fields(vec!["local_name"])
            .insert_audit_event(connection, workspace, author)?;
    }
    let devices = ids.iter().map(|id| DeviceId(*id)).collect();
    NewEvent::new(Action::Updated, Subject::Devices(devices))
        .with_fields(vec!["user_id"])
        .insert_audit_event(connection, workspace, author)?;
    Ok(Released {
        devices: ids.len(),
        enrollments: enrollments.len(),
        responses,
    })
}

fn lock_devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    state: DeviceState,
) -> QueryResult<Vec<i64>> {
    let condition = match state {
        DeviceState::Active => "deleted_at IS NULL",
        DeviceState::Archived => "deleted_at IS NOT NULL",
    };
    let rows: Vec<IdRow> = diesel::sql_query(format!(
        "SELECT id FROM devices WHERE devices.workspace_id = $1 AND user_id = $2 AND {condition} \
         ORDER BY id LIMIT {BATCH_SIZE} FOR NO KEY UPDATE"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(user.0)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Returns an instant after the last change of the updated row of this table, as SQL.
///
/// Adds in UTC: the sum of a `timestamptz` and an interval depends on the session, and a cluster
/// rejects such an expression of columns in UPDATE.
fn next_updated_at(table: &str) -> String {
    format!(
        "greatest(now(), ({table}.updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') \
                          AT TIME ZONE 'UTC')"
    )
}

/// Clears `local_name` of the enrolments with the serial numbers of these devices, deleted ones
/// included. Returns the ids of the changed enrolments.
fn clear_local_names(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: &[i64],
) -> QueryResult<Vec<i64>> {
    let rows: Vec<IdRow> = diesel::sql_query(format!(
        "UPDATE devices_mdm SET local_name = NULL, updated_at = {} \
         FROM devices \
         WHERE devices_mdm.workspace_id = $1 AND devices_mdm.local_name IS NOT NULL \
           AND devices.workspace_id = $1 AND devices.id = ANY ($2) \
           AND devices_mdm.serial_number_folded = devices.serial_number_folded \
         RETURNING devices_mdm.id",
        next_updated_at("devices_mdm"),
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Removes the user from these devices, from the queue and from the search index.
fn unassign(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    devices: &[i64],
) -> QueryResult<()> {
    diesel::sql_query(format!(
        "UPDATE devices SET user_id = NULL, updated_at = {} \
         WHERE devices.workspace_id = $1 AND id = ANY ($2)",
        next_updated_at("devices"),
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .execute(connection)?;
    diesel::sql_query(
        "UPDATE search_queue SET user_ids = array_replace(user_ids, $2, NULL) \
         WHERE search_queue.workspace_id = $1 AND $2 = ANY (user_ids)",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(user.0)
    .execute(connection)?;
    diesel::sql_query(
        "UPDATE search_documents SET user_id = NULL \
         WHERE search_documents.workspace_id = $1 AND device_id = ANY ($2) AND user_id = $3",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(devices)
    .bind::<BigInt, _>(user.0)
    .execute(connection)?;
    Ok(())
}
