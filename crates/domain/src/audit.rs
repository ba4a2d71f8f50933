//! The audit trail of changes to devices, users and enrolments.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::string_enum;
use crate::ids::{DeviceId, EnrollmentId, EventId, KeyId, UserId, WorkspaceId};

/// Key and request to which an event is attributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// API key of the request.
    pub key: KeyId,
    /// Id that the server gave the request, 1 to 128 characters. No other request has it.
    pub request_id: String,
    /// Id that the client gave the request, 1 to 128 characters. It need not be unique.
    pub client_request_id: Option<String>,
}

string_enum! {
    /// Kind of a change.
    #[non_exhaustive]
    Action {
        Created = "CREATED",
        Updated = "UPDATED",
        Deleted = "DELETED",
        Restored = "RESTORED",
    }
}

/// Objects of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Devices, at least one.
    Devices(Vec<DeviceId>),
    /// A user.
    User(UserId),
    /// An enrolment.
    Enrollment(EnrollmentId),
}

/// Record of a change, stored in the same transaction as the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Id.
    pub id: EventId,
    /// Workspace of the changed objects.
    pub workspace_id: WorkspaceId,
    /// Time of the change.
    pub occurred_at: DateTime<Utc>,
    /// Kind of the change.
    pub action: Action,
    /// API key of the request.
    pub key_id: KeyId,
    /// Id that the server gave the request.
    pub request_id: String,
    /// Id that the client gave the request.
    pub client_request_id: Option<String>,
    /// Changed devices, empty if the change was to another object.
    pub device_ids: Vec<DeviceId>,
    /// Changed user.
    pub user_id: Option<UserId>,
    /// Changed enrolment.
    pub enrollment_id: Option<EnrollmentId>,
    /// Names of the fields that an update or a restoration changed. Values are not recorded.
    pub fields: Vec<String>,
}

/// Filter of a list of events. All conditions must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Selects events at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Selects events of this device.
    pub device: Option<DeviceId>,
    /// Selects events after this one: the cursor of the next page.
    pub after: Option<EventId>,
}
