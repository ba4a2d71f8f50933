//! Statements that insert devices and their audit events.

use devices_domain::{Action, NewDevice, UniqueField, UserId, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use super::accepted_batch::AcceptedBatch;
use super::binary_copy::BinaryRows;
use super::columns::DeviceRow;
use super::search_index::split_into_entries;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::tsvector::{DocumentArray, Tsvector};
use crate::postgres::usage_counts::Resource;

/// Inserts the devices of all batches with one COPY.
pub(crate) fn devices(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
) -> QueryResult<()> {
    let mut new: Vec<(&NewDevice, i64, Option<UserId>)> = Vec::new();
    for AcceptedBatch {
        batch,
        ids,
        assignees,
        ..
    } in accepted
    {
        let devices = batch.devices.iter().zip(ids).zip(assignees);
        new.extend(devices.map(|((device, id), assignee)| (device, *id, *assignee)));
    }
    // Two transactions must insert the same devices in the same order. In opposite orders they
    // would deadlock at the unique indexes. If two batches combine the same values differently, no
    // order fits all indexes: PostgreSQL then ends one, and its retry finds the values taken.
    new.sort_by_key(|(device, ..)| UniqueField::ALL.map(|field| field.folded(&device.fields)));
    let mut rows = BinaryRows::with_capacity(new.len());
    for (device, id, assignee) in &new {
        DeviceRow::new(workspace, *id, &device.fields, *assignee).encode(&mut rows);
    }
    rows.finish();
    let inserted = DeviceRow::copy(connection, &rows)?;
    debug_assert_eq!(inserted, new.len());
    Ok(())
}

/// Settings of a workspace that the rest of the transaction depends on.
#[derive(QueryableByName)]
pub(crate) struct WorkspaceSettings {
    #[diesel(sql_type = Nullable<Integer>)]
    pub(crate) device_limit: Option<i32>,
    /// `true` if the workspace has enrolments.
    #[diesel(sql_type = Bool)]
    pub(crate) has_enrollments: bool,
}

/// Returns the statement of [`events`], with the parameters that it binds.
fn insert_events(entry_count: usize) -> String {
    // Slicing copies the documents, and most batches have one entry.
    let entries = if entry_count == 1 {
        "SELECT $1, $2, $8, $9, $10"
    } else {
        "SELECT $1, ($2)[entry_start:entry_end], ($8)[entry_start:entry_end], \
                ($9)[entry_start:entry_end], ($10)[entry_start:entry_end] \
         FROM unnest($13, $14) AS entry (entry_start, entry_end)"
    };
    format!(
        "WITH queue_entry AS ( \
             INSERT INTO search_queue \
                 (workspace_id, device_ids, user_ids, identifiers, documents) {entries} \
         ), event AS ( \
             INSERT INTO device_events \
                 (workspace_id, id, action, key_id, request_id, client_request_id, device_ids) \
             SELECT $1, id, $3, key_id, request_id, client_request_id, \
                    ($2)[slice_start:slice_end] \
             FROM unnest($4, $5, $6, $7, $11, $15) \
                 AS batch (key_id, request_id, slice_start, slice_end, client_request_id, id) \
         ), usage AS ( \
             INSERT INTO usage_changes (workspace_id, resource, change) \
             VALUES ($1, $12, cardinality($2)) \
         ) \
         SELECT (SELECT device_limit FROM workspaces WHERE workspaces.id = $1) AS device_limit, \
                EXISTS (SELECT 1 FROM devices_mdm WHERE devices_mdm.workspace_id = $1 LIMIT 1) \
                    AS has_enrollments"
    )
}

/// Inserts an audit event per batch, records the number of devices, and queues their search
/// documents for the index. Until they are indexed, searches scan the queue (ADR 13).
///
/// Returns the current settings of the workspace.
pub(crate) fn events(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
) -> QueryResult<WorkspaceSettings> {
    let mut ids: Vec<i64> = Vec::new();
    // The slice of `ids` that belongs to each batch, counted from 1, both ends included.
    let (mut slice_starts, mut slice_ends) = (Vec::new(), Vec::new());
    let (mut keys, mut event_ids) = (Vec::new(), Vec::new());
    let (mut request_ids, mut client_request_ids) = (Vec::new(), Vec::new());
    for accepted in accepted {
        slice_starts.push(ids.len() as i32 + 1);
        ids.extend(&accepted.ids);
        slice_ends.push(ids.len() as i32);
        event_ids.push(accepted.event_id);
        let origin = &accepted.batch.origin;
        keys.push(origin.key.0);
        request_ids.push(origin.request_id.as_str());
        client_request_ids.push(origin.client_request_id.as_deref());
    }
    let assignees = accepted.iter().flat_map(|accepted| &accepted.assignees);
    let assignees: Vec<_> = assignees.map(|user| user.map(|user| user.0)).collect();
    let identifiers = accepted
        .iter()
        .flat_map(|accepted| &accepted.documents.identifiers);
    let identifiers: Vec<_> = identifiers.map(Option::as_deref).collect();
    let documents = accepted.iter().map(|accepted| &accepted.documents.encoded);
    let documents = DocumentArray(documents.collect());
    let (entry_starts, entry_ends) = split_into_entries(documents.sizes());
    prepared(insert_events(entry_starts.len()))
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(&ids)
        .bind::<Text, _>(Action::Created.as_str())
        .bind::<Array<BigInt>, _>(keys)
        .bind::<Array<Text>, _>(request_ids)
        .bind::<Array<Integer>, _>(slice_starts)
        .bind::<Array<Integer>, _>(slice_ends)
        .bind::<Array<Nullable<BigInt>>, _>(assignees)
        .bind::<Array<Nullable<Text>>, _>(identifiers)
        .bind::<Array<Tsvector>, _>(documents)
        .bind::<Array<Nullable<Text>>, _>(client_request_ids)
        .bind::<Text, _>(Resource::Devices.as_str())
        .bind::<Array<Integer>, _>(entry_starts)
        .bind::<Array<Integer>, _>(entry_ends)
        .bind::<Array<BigInt>, _>(event_ids)
        .get_result(connection)
}
