//! The audit trail of single objects.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::audit::{Action, Interface, Operator};
use crate::ids::{BatchId, DeviceId, EnrollmentId, EventId, KeyId, UserId};

/// The audit trail of one workspace.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Lists the newest `limit` events about an object that have a smaller id than `before`, newest
    /// first. Returns fewer only at the end.
    ///
    /// MUST cost no more for an object of a workspace with many events than of one with few. The
    /// cost MAY grow with the number of events about several devices that include the object.
    async fn history(
        &self,
        subject: HistorySubject,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, RepositoryError>;
}

/// Object of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistorySubject {
    /// A device.
    Device(DeviceId),
    /// A user.
    User(UserId),
    /// An enrolment.
    Enrollment(EnrollmentId),
    /// An API key: events about it, not those of its requests.
    Key(KeyId),
}

/// An event of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Id of the event.
    pub id: EventId,
    /// Time of the change.
    pub occurred_at: DateTime<Utc>,
    /// Kind of the event.
    pub action: Action,
    /// API key of the request. `None` if a command was the author.
    pub key: Option<KeyId>,
    /// Name of the API key.
    pub key_name: Option<String>,
    /// Operating system user that ran the command. `None` if a request was the author.
    pub operator: Option<Operator>,
    /// Id that the server gave the request.
    pub request_id: Option<String>,
    /// Id that the client gave the request.
    pub client_request_id: Option<String>,
    /// Interface through which the request came. `None` if a command was the author.
    pub interface: Option<Interface>,
    /// Batch that made the change. `None` for changes outside of batches.
    pub batch: Option<BatchId>,
    /// Number of devices of the event, 0 if it is about another object.
    pub device_count: u64,
    /// Names of the changed fields. Values are not recorded.
    pub fields: Vec<String>,
}
