//! Events of the changes of several devices by one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devices_domain::{Action, BatchId, Origin, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};

use crate::postgres::audit_events::interface_column;
use crate::postgres::transaction::in_doubt::CommitMarker;

/// Changed devices, by the names of their changed fields.
pub(super) type DevicesByFields = BTreeMap<Vec<&'static str>, Vec<i64>>;

/// Events of the changes of devices by one transaction.
pub(super) struct ChangeEvents<'a> {
    pub(super) action: Action,
    pub(super) batch: Option<BatchId>,
    pub(super) devices: &'a DevicesByFields,
    /// An id for each set of changed fields.
    pub(super) ids: &'a [i64],
    /// Time of the last of the changes. It follows all earlier changes of the devices, as the order
    /// of the event feed requires (ADR 40).
    pub(super) occurred_at: DateTime<Utc>,
}

impl ChangeEvents<'_> {
    /// Returns the marker of a transaction whose first event is the first of these.
    ///
    /// # Errors
    /// If there is no event.
    pub(super) fn marker(
        &self,
        workspace: WorkspaceId,
        origin: &Origin,
    ) -> QueryResult<CommitMarker> {
        let event = self.ids.first().zip(self.devices.values().next());
        let (event_id, device_ids) = event.ok_or(DieselError::NotFound)?;
        Ok(CommitMarker {
            workspace,
            event_id: *event_id,
            key_id: origin.key.0,
            request_id: origin.request_id.clone(),
            device_ids: device_ids.clone(),
            backend_pid: None,
        })
    }
}

/// Inserts an event per set of changed fields.
pub(super) fn insert(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    origin: &Origin,
    events: &ChangeEvents<'_>,
) -> QueryResult<()> {
    let (mut devices, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for changed in events.devices.values() {
        starts.push(devices.len() as i32 + 1);
        devices.extend_from_slice(changed);
        ends.push(devices.len() as i32);
    }
    let fields: Vec<String> = events
        .devices
        .keys()
        .map(|fields| fields.join(","))
        .collect();
    let action = events.action.as_str();
    diesel::sql_query(format!(
        "INSERT INTO device_events (workspace_id, id, action, key_id, request_id, \
                                    client_request_id, device_ids, fields, batch_id, \
                                    occurred_at, interface) \
         SELECT $1, event.id, '{action}', $2, $3, $4, ($5)[event.slice_start:event.slice_end], \
                string_to_array(event.fields, ','), $6, $11, $12 \
         FROM unnest($7, $8, $9, $10) AS event (id, slice_start, slice_end, fields)"
    ))
    .bind::<BigInt, _>(workspace.0)
    .bind::<BigInt, _>(origin.key.0)
    .bind::<Text, _>(&origin.request_id)
    .bind::<Nullable<Text>, _>(origin.client_request_id.as_deref())
    .bind::<Array<BigInt>, _>(devices)
    .bind::<Nullable<BigInt>, _>(events.batch.map(|batch| batch.0))
    .bind::<Array<BigInt>, _>(events.ids)
    .bind::<Array<Integer>, _>(starts)
    .bind::<Array<Integer>, _>(ends)
    .bind::<Array<Text>, _>(fields)
    .bind::<Timestamptz, _>(events.occurred_at)
    .bind::<Nullable<Text>, _>(interface_column(origin))
    .execute(connection)?;
    Ok(())
}
