//! The event feed: the changes of a workspace in an order in which readers miss none.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::field::string_enum;
use crate::ids::{BatchId, DeviceId, EnrollmentId, EventId, KeyId, UserId, WorkspaceId};

string_enum! {
    /// Type of an event of the feed.
    EventType {
        DeviceCreated = "device.created",
        DeviceUpdated = "device.updated",
        DeviceArchived = "device.archived",
        DeviceRestored = "device.restored",
        UserCreated = "user.created",
        UserUpdated = "user.updated",
        UserDeleted = "user.deleted",
        EnrollmentCreated = "enrollment.created",
        EnrollmentUpdated = "enrollment.updated",
        EnrollmentDeleted = "enrollment.deleted",
        BatchUndone = "batch.undone",
    }
}

/// The event feed of one workspace.
///
/// Committed events get consecutive positions. An event MUST become visible only after all events
/// of smaller positions, and MUST keep its position. Of two changes of one object, the earlier MUST
/// have the smaller position. No open transaction may delay the events of others.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait EventFeed: Send + Sync {
    /// Reads the next page. Without events, it returns an empty page at once.
    async fn read(&self, request: FeedRequest) -> Result<FeedPage, FeedError>;

    /// Lists a page of the newest events, newest first. For people: an event whose transaction took
    /// long can appear among older ones later.
    ///
    /// MUST read at most [`RecentPage::MAX_SPAN`] events, however rare the selected ones are.
    async fn recent(&self, request: RecentRequest) -> Result<RecentPage, RepositoryError>;
}

/// Request for the newest events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentRequest {
    /// Id before which the page begins. `None`: the page begins with the newest event.
    pub before: Option<EventId>,
    /// Maximum number of events, at least 1.
    pub limit: u32,
    /// Selects events of this type.
    pub event_type: Option<EventType>,
    /// Selects events of the requests of this API key.
    pub key: Option<KeyId>,
}

/// A page of the newest events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentPage {
    /// Events, newest first.
    pub events: Vec<RecentEvent>,
    /// Id before which the next page begins, if older events exist. With a type or a key, they may
    /// be others.
    pub next: Option<EventId>,
}

impl RecentPage {
    /// Maximum number of events that a page reads to find those of a type or a key.
    pub const MAX_SPAN: u32 = 10_000;
}

/// An event, with what people call its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentEvent {
    /// Id.
    pub id: EventId,
    /// Type.
    pub event_type: EventType,
    /// Time of the change.
    pub occurred_at: DateTime<Utc>,
    /// Batch that made the change, or that was undone.
    pub batch: Option<BatchId>,
    /// Number of devices, 0 if the event is about another object.
    pub device_count: u64,
    /// The device, if there is only one.
    pub device: Option<DeviceId>,
    /// Current name of this device. `None` if it was purged.
    pub device_name: Option<String>,
    /// User.
    pub user: Option<UserId>,
    /// Current email address of the user. `None` if the user was deleted.
    pub user_email: Option<String>,
    /// Serial number of the enrolment. `None` if it was deleted, or the event is about another
    /// object.
    pub enrollment_serial_number: Option<String>,
    /// Names of the changed fields.
    pub fields: Vec<String>,
    /// API key of the request.
    pub key: KeyId,
    /// Name of the API key.
    pub key_name: String,
}

/// Request for a page of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRequest {
    /// Position after which the page begins. `None`: the page begins with the first event that was
    /// not purged.
    pub after: Option<FeedCursor>,
    /// Maximum number of events, at least 1. The page also ends before the event that would exceed
    /// [`FeedPage::MAX_DEVICES`].
    pub limit: u32,
    /// Selects events of this type.
    pub event_type: Option<EventType>,
}

/// Position in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedCursor {
    /// Position of the last event that was read, 0 before the first one.
    pub position: i64,
    /// Time of this event, if there is one. A position whose event has another time is that of a
    /// later state of the database, before an older backup was restored.
    pub event_time: Option<DateTime<Utc>>,
}

impl FeedCursor {
    /// Position before the first event.
    pub const START: Self = Self {
        position: 0,
        event_time: None,
    };
}

/// A page of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// Events, in order.
    pub events: Vec<FeedEvent>,
    /// Position after the page. It differs from that of the last event if events of other types
    /// follow, or if the page is empty.
    pub cursor: FeedCursor,
    /// `true` if events follow. With a type, they may be of other types.
    pub has_more: bool,
}

impl FeedPage {
    /// Maximum number of device ids of a page, except for a single event that has more.
    pub const MAX_DEVICES: u32 = 20_000;
}

/// An event of the feed. It contains no values of the changed object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// Id, the same as in the audit trail.
    pub id: EventId,
    /// Type.
    pub event_type: EventType,
    /// Time of the change.
    pub occurred_at: DateTime<Utc>,
    /// Batch that made the change, or that was undone.
    pub batch: Option<BatchId>,
    /// Devices, empty if the event is about another object.
    pub devices: Vec<DeviceId>,
    /// User.
    pub user: Option<UserId>,
    /// Enrolment.
    pub enrollment: Option<EnrollmentId>,
    /// Names of the changed fields.
    pub fields: Vec<String>,
    /// API key of the request.
    pub key: KeyId,
    /// Name of the API key.
    pub key_name: String,
    /// Id that the server gave the request.
    pub request_id: String,
}

/// Error of reading a feed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Events after the cursor were purged, or the cursor is not a position of this feed any more,
    /// because an older backup was restored.
    #[error("the cursor is expired")]
    CursorExpired,
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// The feeds of all workspaces, for background jobs.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FeedMonitor: Send + Sync {
    /// Returns the ends of the feeds of these workspaces, in any order. MUST cost one statement,
    /// whatever their number. Omits workspaces whose feed was neither read nor
    /// purged.
    async fn ends(&self, workspaces: Vec<WorkspaceId>) -> Result<Vec<FeedEnd>, RepositoryError>;

    /// Returns the time for which the oldest committed event has waited for a reader, over all
    /// feeds that were read within the last 24 hours. Zero if none waits.
    async fn lag(&self) -> Result<Duration, RepositoryError>;
}

/// End of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedEnd {
    /// Workspace.
    pub workspace: WorkspaceId,
    /// Position of the last event that has one.
    pub last_position: i64,
    /// `true` if further events are committed, which get their positions with the next read.
    pub has_more: bool,
}

impl FeedEnd {
    /// Returns whether events follow a position.
    #[must_use]
    pub fn is_after(&self, position: i64) -> bool {
        self.has_more || self.last_position > position
    }
}
