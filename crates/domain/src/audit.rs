//! The audit trail of changes, administration and exports.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::field::string_enum;
use crate::ids::{BatchId, DeviceId, EnrollmentId, EventId, KeyId, UserId, WorkspaceId};

/// Key and request to which an event is attributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// API key of the request.
    pub key: KeyId,
    /// Id that the server gave the request, 1 to 128 characters. No other request has it.
    pub request_id: String,
    /// Id that the client gave the request, 1 to 128 characters. It need not be unique.
    pub client_request_id: Option<String>,
    /// Interface through which the request came.
    pub interface: Interface,
}

string_enum! {
    /// Interface through which requests come: the HTTP API, or the web console.
    #[derive(Default)]
    Interface {
        #[default]
        Api = "API",
        Console = "CONSOLE",
    }
}

/// Operating system user that ran an admin command, 1 to 255 characters. Not verified: a user with
/// the privileges for the command can state any name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Operator(String);

impl Operator {
    const MAX_LENGTH: usize = 255;

    /// Creates an operator with this name, cut to its maximum length. An empty name becomes
    /// `unknown`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        if name.is_empty() {
            return Self("unknown".to_owned());
        }
        Self(name.chars().take(Self::MAX_LENGTH).collect())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Author of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A request with an API key.
    Request(Origin),
    /// An admin command.
    Command(Operator),
}

string_enum! {
    /// Kind of an event.
    #[non_exhaustive]
    Action {
        Created = "CREATED",
        Updated = "UPDATED",
        Deleted = "DELETED",
        Restored = "RESTORED",
        Rotated = "ROTATED",
        Revoked = "REVOKED",
        Exported = "EXPORTED",
        Erased = "ERASED",
        Purged = "PURGED",
        Undone = "UNDONE",
    }
}

/// Objects of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Devices, at least one.
    Devices(Vec<DeviceId>),
    /// A user.
    User(UserId),
    /// An enrolment.
    Enrollment(EnrollmentId),
    /// An API key.
    Key(KeyId),
    /// The workspace, or many of its objects.
    Workspace,
}

/// Record of a change or an export. The record of a change is stored in its transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Id.
    pub id: EventId,
    /// Workspace of the objects.
    pub workspace_id: WorkspaceId,
    /// Time of the change: that of the changed device, user or enrolment. For other events, the
    /// time at which their transaction began.
    pub occurred_at: DateTime<Utc>,
    /// Kind of the event.
    pub action: Action,
    /// API key of the request. `None` if a command was the author.
    pub key_id: Option<KeyId>,
    /// Id that the server gave the request.
    pub request_id: Option<String>,
    /// Id that the client gave the request.
    pub client_request_id: Option<String>,
    /// Interface through which the request came. `None` if a command was the author.
    pub interface: Option<Interface>,
    /// Operating system user that ran the command. `None` if a request was the author.
    pub operator: Option<Operator>,
    /// Devices, empty if the event is about another object.
    pub device_ids: Vec<DeviceId>,
    /// User.
    pub user_id: Option<UserId>,
    /// Enrolment.
    pub enrollment_id: Option<EnrollmentId>,
    /// API key that was created, rotated or revoked.
    pub api_key_id: Option<KeyId>,
    /// Batch that made the change, or that was undone. `None` for changes outside of batches, and
    /// for a batch without options, whose number is the id of its event.
    pub batch_id: Option<BatchId>,
    /// Names of the changed fields, of the filters of an export, or of the purged objects. Values
    /// are not recorded.
    pub fields: Vec<String>,
    /// Number of objects that were exported or purged, if it is known.
    pub item_count: Option<u64>,
}

/// Filter of a list of events. All conditions must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Selects events at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Selects events of this device.
    pub device: Option<DeviceId>,
    /// Selects events of this user.
    pub user: Option<UserId>,
    /// Selects events of this API key: those about it, and those of its requests.
    pub key: Option<KeyId>,
    /// Selects events of this kind.
    pub action: Option<Action>,
    /// Selects events after this one: the cursor of the next page.
    pub after: Option<EventId>,
}
