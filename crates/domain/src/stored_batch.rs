//! Stored batches, and what undoing one archives.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::access::NamedKey;
use crate::field::string_enum;
use crate::ids::{BatchId, DeviceId};
use crate::upsert::OnConflict;

/// A batch that stored something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// Number of the batch.
    pub id: BatchId,
    /// Time of its first event.
    pub created_at: DateTime<Utc>,
    /// API key of the request.
    pub key: NamedKey,
    /// Id that the server gave the request.
    pub request_id: String,
    /// Treatment of rows that matched a stored device.
    pub on_conflict: OnConflict,
    /// `true` if one failed row would have rejected the batch.
    pub is_atomic: bool,
    /// Numbers of its rows.
    pub counts: RowCounts,
    /// The last undo. `None` if the batch was not undone.
    pub undone: Option<LastUndo>,
}

/// Numbers of the rows of a batch by their results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RowCounts {
    /// All rows.
    pub rows: u32,
    /// Rows that created a device.
    pub created: u32,
    /// Rows that changed a device.
    pub updated: u32,
    /// Rows that matched a device with the same values.
    pub unchanged: u32,
    /// Rows whose device was left as it was.
    pub skipped: u32,
    /// Rejected rows.
    pub failed: u32,
}

/// The last undo of a batch that archived something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUndo {
    /// Time of its event.
    pub at: DateTime<Utc>,
    /// API key of its request.
    pub key: NamedKey,
}

/// A device that a batch created, at the time of an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreatedDevice {
    /// Id.
    pub id: DeviceId,
    /// `true` if the device is archived.
    pub is_archived: bool,
    /// `true` if the device has been changed since its creation, archived or restored.
    pub is_changed: bool,
}

/// Effect of undoing a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchUndo {
    /// Number of the batch.
    pub batch_id: BatchId,
    /// Devices that are archived, in the order of the batch.
    pub archived: Vec<DeviceId>,
    /// Devices that stay as they are, in the order of the batch.
    pub kept: Vec<KeptDevice>,
    /// Effects of the batch that are not undone.
    pub not_undone: NotUndone,
}

/// A device that an undo does not archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeptDevice {
    /// Id.
    pub device_id: DeviceId,
    /// Reason.
    pub reason: KeepReason,
}

string_enum! {
    /// Reason why an undo does not archive a device.
    KeepReason {
        // The device has been changed since the batch.
        ChangedSince = "changed_since",
        // The device is archived, or was purged afterwards.
        ArchivedAlready = "archived_already",
    }
}

/// Numbers of changes that an undo leaves: the audit trail does not contain their former values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NotUndone {
    /// Devices that the batch changed.
    pub updated: u32,
}

impl BatchUndo {
    /// Decides which devices an undo archives: the active ones that have not been changed since the
    /// batch, and the changed ones, too, if `include_changed`.
    ///
    /// `created` are the devices that the batch created, in its order. `stored` are those of them
    /// that exist, in any order: archived devices may have been purged.
    #[must_use]
    pub fn new(
        batch_id: BatchId,
        created: &[DeviceId],
        stored: &[CreatedDevice],
        include_changed: bool,
        not_undone: NotUndone,
    ) -> Self {
        let stored: HashMap<_, _> = stored.iter().map(|device| (device.id, device)).collect();
        let mut undo = Self {
            batch_id,
            archived: Vec::new(),
            kept: Vec::new(),
            not_undone,
        };
        for &device_id in created {
            let reason = match stored.get(&device_id) {
                None => Some(KeepReason::ArchivedAlready),
                Some(device) if device.is_archived => Some(KeepReason::ArchivedAlready),
                Some(device) if device.is_changed && !include_changed => {
                    Some(KeepReason::ChangedSince)
                }
                Some(_) => None,
            };
            match reason {
                Some(reason) => undo.kept.push(KeptDevice { device_id, reason }),
                None => undo.archived.push(device_id),
            }
        }
        undo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: CreatedDevice = CreatedDevice {
        id: DeviceId(5),
        is_archived: false,
        is_changed: false,
    };

    /// Undoes a batch that created the devices 5, 9, 3, 8 and 4, in this order.
    fn undo(include_changed: bool) -> BatchUndo {
        let created = [5, 9, 3, 8, 4].map(DeviceId);
        let changed = CreatedDevice {
            id: DeviceId(3),
            is_changed: true,
            ..ACTIVE
        };
        let archived = CreatedDevice {
            id: DeviceId(8),
            is_archived: true,
            is_changed: true,
        };
        let unchanged = CreatedDevice {
            id: DeviceId(4),
            ..ACTIVE
        };
        // Device 9 was purged.
        let stored = [archived, changed, unchanged, ACTIVE];
        let not_undone = NotUndone { updated: 1 };
        BatchUndo::new(BatchId(17), &created, &stored, include_changed, not_undone)
    }

    fn kept(undo: &BatchUndo) -> Vec<(i64, KeepReason)> {
        let kept = undo.kept.iter();
        kept.map(|kept| (kept.device_id.0, kept.reason)).collect()
    }

    #[test]
    fn undo_archives_unchanged_devices() {
        let undo = undo(false);
        assert_eq!(undo.archived, [5, 4].map(DeviceId));
        let expected = [
            (9, KeepReason::ArchivedAlready),
            (3, KeepReason::ChangedSince),
            (8, KeepReason::ArchivedAlready),
        ];
        assert_eq!(kept(&undo), expected);
    }

    #[test]
    fn undo_can_include_changed_devices() {
        let undo = undo(true);
        assert_eq!(undo.archived, [5, 3, 4].map(DeviceId));
        let expected = [
            (9, KeepReason::ArchivedAlready),
            (8, KeepReason::ArchivedAlready),
        ];
        assert_eq!(kept(&undo), expected);
    }
}
