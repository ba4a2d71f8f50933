//! The audit trail: who did what to which devices.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::access::{KeyId, WorkspaceId, ids};
use crate::device::DeviceId;

ids! {
    /// The number of a [`DeviceEvent`].
    EventId,
}

/// Whom an event is put down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The key that was used.
    pub key: KeyId,
    /// The request that it was used for; 1 to 128 characters.
    pub request_id: String,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// The devices were created.
    Created,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 1] = [Self::Created];

    /// `CREATED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
        }
    }
}

/// Something that was done to devices, in the transaction that did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceEvent {
    /// Its number.
    pub id: EventId,
    /// Whose devices.
    pub workspace_id: WorkspaceId,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What.
    pub action: Action,
    /// With which key.
    pub key_id: KeyId,
    /// For which request.
    pub request_id: String,
    /// To which devices.
    pub device_ids: Vec<DeviceId>,
}

/// Which events are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// From this instant on.
    pub since: Option<DateTime<Utc>>,
    /// Of this device.
    pub device: Option<DeviceId>,
    /// After this one: the last that was seen.
    pub after: Option<EventId>,
}
