//! Undoing of batches: archives the devices that a batch created.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use devices_domain::{
    Action, BatchId, BatchUndo, CreatedDevice, DeviceId, NotUndone, Origin, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz};

use super::IS_FIRST_EVENT;
use crate::postgres::audit_events::interface_column;
use crate::postgres::devices::{IdBlocks, StateChange, StatusAfter, StoredState, change_devices};
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::Effect;
use crate::postgres::usage_counts::{Resource, UsageChange};

/// Changes that a batch stored.
#[derive(QueryableByName)]
struct ContentRow {
    /// Devices that it created, in its order.
    #[diesel(sql_type = Array<BigInt>)]
    created: Vec<i64>,
    /// Number of devices that it changed.
    #[diesel(sql_type = Integer)]
    updated: i32,
}

impl ContentRow {
    /// Finds a batch. The event that creates its devices, if any, is its first one.
    fn find(
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        batch: BatchId,
    ) -> QueryResult<Option<Self>> {
        let statement = format!(
            "SELECT CASE WHEN action = 'CREATED' THEN device_ids ELSE '{{}}' END AS created, \
                 coalesce((SELECT batches.updated_count FROM batches \
                           WHERE batches.workspace_id = $1 AND batches.id = $2), 0) AS updated \
             FROM device_events \
             WHERE device_events.workspace_id = $1 AND device_events.id = $2 AND {IS_FIRST_EVENT}"
        );
        diesel::sql_query(statement)
            .bind::<BigInt, _>(workspace.0)
            .bind::<BigInt, _>(batch.0)
            .get_result(connection)
            .optional()
    }

    fn undo(&self, batch: BatchId, stored: &[CreatedDevice], include_changed: bool) -> BatchUndo {
        let created: Vec<DeviceId> = self.created.iter().map(|id| DeviceId(*id)).collect();
        let not_undone = NotUndone {
            updated: self.updated.unsigned_abs(),
        };
        BatchUndo::new(batch, &created, stored, include_changed, not_undone)
    }
}

#[derive(QueryableByName)]
struct DeviceRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    is_archived: bool,
    #[diesel(sql_type = Bool)]
    is_changed: bool,
}

/// Returns what [`undo`] would do. Changes nothing.
pub(super) fn preview(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batch: BatchId,
    include_changed: bool,
) -> QueryResult<Option<BatchUndo>> {
    let Some(content) = ContentRow::find(connection, workspace, batch)? else {
        return Ok(None);
    };
    let rows: Vec<DeviceRow> = diesel::sql_query(
        "SELECT stored.id, stored.deleted_at IS NOT NULL AS is_archived, \
             stored.updated_at <> stored.created_at AS is_changed \
         FROM unnest($2) AS requested (id) \
         CROSS JOIN LATERAL ( \
             SELECT id, created_at, updated_at, deleted_at FROM devices \
             WHERE devices.workspace_id = $1 AND devices.id = requested.id LIMIT 1 \
         ) AS stored",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(&content.created)
    .load(connection)?;
    let stored: Vec<CreatedDevice> = rows
        .into_iter()
        .map(|row| CreatedDevice {
            id: DeviceId(row.id),
            is_archived: row.is_archived,
            is_changed: row.is_changed,
        })
        .collect();
    Ok(Some(content.undo(batch, &stored, include_changed)))
}

/// Archives the devices that a batch created, with a constant number of statements per chunk of
/// devices.
pub(super) fn undo(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    batch: BatchId,
    include_changed: bool,
    origin: &Origin,
) -> QueryResult<(Option<BatchUndo>, Effect)> {
    let Some(content) = ContentRow::find(connection, workspace, batch)? else {
        return Ok((None, Effect::None));
    };
    let states = StoredState::lock_all(connection, workspace, &content.created)?;
    let stored: Vec<CreatedDevice> = states.iter().map(created_device).collect();
    let undo = content.undo(batch, &stored, include_changed);
    if undo.archived.is_empty() {
        return Ok((Some(undo), Effect::None));
    }
    let archived_at = archive(connection, workspace, &states, &undo.archived)?;
    let marker = insert_events(connection, ids, workspace, &undo, archived_at, origin)?;
    Ok((Some(undo), Effect::Marked(marker)))
}

/// Every change, archiving and restoring of a device advances its time of change.
fn created_device(state: &StoredState) -> CreatedDevice {
    CreatedDevice {
        id: state.id,
        is_archived: state.archived_at.is_some(),
        is_changed: state.updated_at != state.created_at,
    }
}

/// Archives locked devices, at least one. Returns the time of the change.
fn archive(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    states: &[StoredState],
    archived: &[DeviceId],
) -> QueryResult<DateTime<Utc>> {
    let archived: HashSet<&DeviceId> = archived.iter().collect();
    let changes: Vec<StateChange<'_>> = states
        .iter()
        .filter(|state| archived.contains(&state.id))
        .map(|state| StateChange {
            before: state,
            after: &state.fields,
        })
        .collect();
    let archived_at = change_devices(connection, workspace, &changes, StatusAfter::Archived)?;
    let freed = -(changes.len() as i64);
    UsageChange::new(Resource::Devices, freed).record(connection, workspace)?;
    Ok(archived_at)
}

/// Inserts the events of the devices and of the batch. Returns the marker of the transaction.
///
/// The events occur at the time of the changes, which follows all earlier changes of the devices:
/// the event feed is in this order (ADR 40).
fn insert_events(
    connection: &mut PgConnection,
    ids: &IdBlocks,
    workspace: WorkspaceId,
    undo: &BatchUndo,
    archived_at: DateTime<Utc>,
    origin: &Origin,
) -> QueryResult<CommitMarker> {
    let reserved = ids.take(connection, 0, 2)?.events;
    let [deleted, undone] = reserved.try_into().map_err(|_| DieselError::NotFound)?;
    let device_ids: Vec<i64> = undo.archived.iter().map(|id| id.0).collect();
    let inserted = diesel::sql_query(format!(
        "INSERT INTO device_events (workspace_id, id, action, key_id, request_id, \
                                    client_request_id, device_ids, batch_id, occurred_at, \
                                    interface) \
         VALUES ($1, $2, '{}', $4, $5, $6, $7, $8, $9, $10), \
                ($1, $3, '{}', $4, $5, $6, '{{}}', $8, $9, $10)",
        Action::Deleted.as_str(),
        Action::Undone.as_str(),
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(deleted)
    .bind::<BigInt, _>(undone)
    .bind::<BigInt, _>(origin.key.0)
    .bind::<Text, _>(&origin.request_id)
    .bind::<Nullable<Text>, _>(origin.client_request_id.as_deref())
    .bind::<Array<BigInt>, _>(&device_ids)
    .bind::<BigInt, _>(undo.batch_id.0)
    .bind::<Timestamptz, _>(archived_at)
    .bind::<Nullable<Text>, _>(interface_column(origin))
    .execute(connection);
    inserted.inspect_err(|error| ids.clear_if_taken(error))?;
    Ok(CommitMarker {
        workspace,
        event_id: deleted,
        key_id: origin.key.0,
        request_id: origin.request_id.clone(),
        device_ids,
        backend_pid: None,
    })
}
