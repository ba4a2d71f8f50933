//! Statements that insert devices and their audit events.

use devices_domain::{Action, NewDevice, UniqueField, UserId, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use super::accepted_batch::AcceptedBatch;
use super::binary_copy::BinaryRows;
use super::columns::DeviceRow;
use super::search_index::split_into_entries;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::tsvector::{DocumentArray, Tsvector};
use crate::postgres::transaction::in_doubt::CommitMarker;
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

#[derive(QueryableByName)]
struct InsertedEvent {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    transaction_id: String,
    #[diesel(sql_type = Nullable<Integer>)]
    device_limit: Option<i32>,
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
                 (workspace_id, action, key_id, request_id, client_request_id, device_ids) \
             SELECT $1, $3, key_id, request_id, client_request_id, \
                    ($2)[slice_start:slice_end] \
             FROM unnest($4, $5, $6, $7, $11) \
                 AS batch (key_id, request_id, slice_start, slice_end, client_request_id) \
             RETURNING id, device_ids[1] AS first_device \
         ), usage AS ( \
             INSERT INTO usage_changes (workspace_id, resource, change) \
             VALUES ($1, $12, cardinality($2)) \
         ) \
         SELECT id, pg_current_xact_id()::text AS transaction_id, \
                (SELECT device_limit FROM workspaces WHERE workspaces.id = $1) AS device_limit \
         FROM event WHERE first_device = ($2)[1]"
    )
}

/// Inserts an audit event per batch, records the number of devices, and queues their search
/// documents for the index. Until they are indexed, searches scan the queue (ADR 13).
///
/// Returns the marker of the first event, and the current device limit. All events are committed or
/// none, so one is enough.
pub(crate) fn events(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
) -> QueryResult<(CommitMarker, Option<i32>)> {
    let first = accepted.first().ok_or(diesel::result::Error::NotFound)?;
    let mut ids: Vec<i64> = Vec::new();
    // The slice of `ids` that belongs to each batch, counted from 1, both ends included.
    let (mut slice_starts, mut slice_ends) = (Vec::new(), Vec::new());
    let mut keys = Vec::new();
    let (mut request_ids, mut client_request_ids) = (Vec::new(), Vec::new());
    for accepted in accepted {
        slice_starts.push(ids.len() as i32 + 1);
        ids.extend(&accepted.ids);
        slice_ends.push(ids.len() as i32);
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
    let event: InsertedEvent = prepared(insert_events(entry_starts.len()))
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
        .get_result(connection)?;
    let marker = CommitMarker {
        workspace,
        event_id: event.id,
        request_id: first.batch.origin.request_id.clone(),
        device_ids: first.ids.clone(),
        transaction_id: event.transaction_id,
    };
    Ok((marker, event.device_limit))
}
