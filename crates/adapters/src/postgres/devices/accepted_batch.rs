//! Batches without conflicts, ready to insert.

use std::collections::HashMap;

use devices_domain::{
    BatchId, Conflicts, DeviceId, Enrollment, InsertedDevice, LookupKeys, LookupResult, NewBatch,
    NewDevice, PerUniqueField, UniqueField, UserId, WorkspaceId,
};

use super::id_blocks::ReservedIds;
use super::insert::{BatchRecord, DeviceToInsert};
use super::prepared_batch::{BatchDocuments, PreparedBatch};
use crate::postgres::transaction::in_doubt::CommitMarker;

/// A batch without conflicts, and the values needed to insert it.
pub(crate) struct AcceptedBatch<'a> {
    /// Position among the batches of the transaction.
    pub(crate) index: usize,
    pub(crate) batch: &'a NewBatch,
    pub(crate) documents: &'a BatchDocuments,
    /// Id of each device, in the order of the batch.
    pub(crate) ids: Vec<i64>,
    /// Id of the event of its creation.
    pub(crate) event_id: i64,
    /// Assignee of each device, in the order of the batch.
    pub(crate) assignees: Vec<Option<UserId>>,
}

impl AcceptedBatch<'_> {
    /// Returns the number of the batch: the id of its event.
    pub(super) fn id(&self) -> BatchId {
        BatchId(self.event_id)
    }

    /// Iterates over the devices to insert.
    pub(super) fn devices(&self) -> impl Iterator<Item = DeviceToInsert<'_>> {
        let devices = self.batch.devices.iter().zip(&self.ids);
        let devices = devices.zip(&self.assignees);
        devices.map(|((device, id), assignee)| (device, *id, *assignee))
    }

    /// Returns the values to store beside the devices.
    pub(super) fn record(&self) -> BatchRecord<'_> {
        BatchRecord {
            origin: &self.batch.origin,
            documents: self.documents,
            device_ids: &self.ids,
            event_id: self.event_id,
            assignees: &self.assignees,
        }
    }

    /// Returns the marker of the transaction, from the event of this batch. A transaction writes
    /// the events of all its batches or none, so one of them is enough. `backend_pid` is that of a
    /// backend that may not have written the event yet.
    pub(crate) fn commit_marker(
        &self,
        workspace: WorkspaceId,
        backend_pid: Option<i32>,
    ) -> CommitMarker {
        CommitMarker {
            workspace,
            event_id: self.event_id,
            key_id: self.batch.origin.key.0,
            request_id: self.batch.origin.request_id.clone(),
            device_ids: self.ids.clone(),
            backend_pid,
        }
    }

    /// Returns the devices after the batch was stored, with their enrolments by serial number.
    pub(super) fn inserted_devices(
        &self,
        enrollments: &HashMap<String, Enrollment>,
    ) -> Vec<InsertedDevice> {
        let devices = self.ids.iter().zip(&self.assignees);
        devices
            .zip(&self.batch.devices)
            .map(|((id, assignee), device)| InsertedDevice {
                id: DeviceId(*id),
                assignee: *assignee,
                enrollment: folded_serial_number(device)
                    .and_then(|serial_number| enrollments.get(serial_number).cloned()),
            })
            .collect()
    }
}

/// Returns the folded serial numbers of the devices of all batches.
pub(super) fn serial_numbers<'a>(
    accepted: &'a [AcceptedBatch<'_>],
) -> impl Iterator<Item = &'a str> {
    let devices = accepted.iter().flat_map(|accepted| &accepted.batch.devices);
    devices.filter_map(folded_serial_number)
}

fn folded_serial_number(device: &NewDevice) -> Option<&str> {
    UniqueField::SerialNumber.folded(&device.fields)
}

/// Splits pending batches into those that conflict with neither stored data nor an earlier accepted
/// batch, and the rest with their conflicts.
pub(super) fn partition_by_conflict<'a>(
    batches: &'a [PreparedBatch],
    pending: &[usize],
    found: &mut LookupResult,
    reserved: &ReservedIds,
) -> (Vec<AcceptedBatch<'a>>, Vec<(usize, Conflicts)>) {
    let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
    let mut ids = reserved.devices.iter().copied();
    let mut event_ids = reserved.events.iter().copied();
    // Values of the unique fields in the accepted batches.
    let mut new_values = PerUniqueField::<HashMap<&str, DeviceId>>::default();
    for &index in pending {
        let PreparedBatch { batch, documents } = &batches[index];
        let conflicts = batch_conflicts(batch, found, &new_values);
        if !conflicts.is_empty() {
            rejected.push((index, conflicts));
            continue;
        }
        let Some(event_id) = event_ids.next() else {
            break;
        };
        let ids: Vec<i64> = ids.by_ref().take(batch.devices.len()).collect();
        if pending.len() > 1 {
            for (field, values) in new_values.iter_mut() {
                let devices = batch.devices.iter().zip(&ids);
                values.extend(devices.filter_map(|(device, id)| {
                    Some((field.folded(&device.fields)?, DeviceId(*id)))
                }));
            }
        }
        if let Some(limit) = &mut found.device_limit {
            limit.held += ids.len() as u64;
        }
        let devices = batch.devices.iter();
        let assignees = devices.map(|device| device.assignee(&found.users_by_email));
        accepted.push(AcceptedBatch {
            index,
            batch: batch.as_ref(),
            documents: documents.as_ref(),
            ids,
            event_id,
            assignees: assignees.collect(),
        });
    }
    (accepted, rejected)
}

/// Returns the conflicts of one batch with stored data and with the batches accepted before it.
fn batch_conflicts(
    batch: &NewBatch,
    found: &LookupResult,
    new_values: &PerUniqueField<HashMap<&str, DeviceId>>,
) -> Conflicts {
    let mut conflicts = if found.conflicts.is_empty() {
        Conflicts::default()
    } else {
        found
            .conflicts
            .for_lookup_keys(&LookupKeys::from_devices(&batch.devices))
    };
    conflicts.device_limit = found.device_limit_reached(batch.devices.len());
    for (field, new_values) in new_values.iter() {
        if new_values.is_empty() {
            continue;
        }
        let values = batch
            .devices
            .iter()
            .filter_map(|device| field.folded(&device.fields));
        let taken = values.filter_map(|value| new_values.get_key_value(value));
        conflicts.taken[field].extend(taken.map(|(value, device)| ((*value).to_owned(), *device)));
    }
    conflicts
}
