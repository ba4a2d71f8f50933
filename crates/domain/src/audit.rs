//! The audit trail: who did what to which devices, users and enrolments.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::string_enum;
use crate::ids::{DeviceId, EnrollmentId, EventId, KeyId, UserId, WorkspaceId};

/// Whom an event is put down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The key that was used.
    pub key: KeyId,
    /// The request that it was used for; 1 to 128 characters.
    pub request_id: String,
}

string_enum! {
    /// What was done.
    Action {
        Created = "CREATED",
        Updated = "UPDATED",
        Deleted = "DELETED",
    }
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// These devices; at least one.
    Devices(Vec<DeviceId>),
    /// This user.
    User(UserId),
    /// This enrolment in device management.
    Enrollment(EnrollmentId),
}

/// Something that was done, recorded in the transaction that did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number.
    pub id: EventId,
    /// Whose devices, users or enrolments.
    pub workspace_id: WorkspaceId,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What.
    pub action: Action,
    /// With which key.
    pub key_id: KeyId,
    /// For which request.
    pub request_id: String,
    /// To which devices; none where it was done to something else.
    pub device_ids: Vec<DeviceId>,
    /// To which user, if it was one.
    pub user_id: Option<UserId>,
    /// To which enrolment, if it was one.
    pub enrollment_id: Option<EnrollmentId>,
    /// Which fields an update changed: their names alone.
    pub fields: Vec<String>,
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
