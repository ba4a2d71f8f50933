//! The event feed of a workspace, and
//! [`PostgresFeedMonitor`](devices_adapters::postgres::PostgresFeedMonitor).

mod monitor;
mod order;
mod pages;
mod purge;
mod recent;

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use devices_adapters::postgres::{PostgresRetention, Purge, Purgeable};
use devices_domain::{
    DeviceChange, DeviceId, DevicePatch, EventFeed, EventId, FeedCursor, FeedError, FeedPage,
    FeedRequest, Precondition, RawRow, RawValue, Store, UnknownFields, WorkspaceId,
};

use crate::{TestStore, Writer, device, operator};

/// Request for a page after a cursor.
fn after(cursor: Option<FeedCursor>, limit: u32) -> FeedRequest {
    FeedRequest {
        after: cursor,
        limit,
        event_type: None,
    }
}

impl TestStore {
    fn feed(&self, workspace: WorkspaceId) -> Box<dyn EventFeed> {
        self.store().for_workspace(workspace).feed
    }

    async fn read(&self, workspace: WorkspaceId, request: FeedRequest) -> FeedPage {
        self.feed(workspace).read(request).await.unwrap()
    }

    /// Reads everything after a cursor, in pages. Returns the ids of the events and the last
    /// cursor.
    async fn read_all(
        &self,
        workspace: WorkspaceId,
        cursor: Option<FeedCursor>,
    ) -> (Vec<EventId>, FeedCursor) {
        let mut page = self.read(workspace, after(cursor, 7)).await;
        let mut events = page.events.clone();
        while page.has_more {
            page = self.read(workspace, after(Some(page.cursor), 7)).await;
            events.extend(page.events.clone());
        }
        (events.iter().map(|event| event.id).collect(), page.cursor)
    }

    async fn assert_expired(&self, workspace: WorkspaceId, cursor: FeedCursor) {
        let read = self.feed(workspace).read(after(Some(cursor), 10)).await;
        assert!(matches!(read, Err(FeedError::CursorExpired)), "{read:?}");
    }

    async fn purge_events(&self, workspace: WorkspaceId) -> usize {
        let retention = PostgresRetention::new(self.administration.clone());
        let purge = Purge {
            workspace,
            kind: Purgeable::ChangeEvents,
            before: Utc::now() - TimeDelta::days(10),
        };
        let batch = retention.purge_batch(purge, None, 1, operator()).await;
        batch.unwrap().deleted
    }

    /// Sets the time of events to eleven days ago.
    fn age_events(&self, condition: &str) {
        self.database.execute(&format!(
            "UPDATE device_events SET occurred_at = now() - interval '11 days' WHERE {condition}"
        ));
    }
}

impl Writer {
    async fn create_one(&self) -> DeviceId {
        self.create(vec![device(&[])]).await.unwrap()[0].id
    }

    fn change(&self, device: DeviceId, name: &'static str) -> Arc<DeviceChange> {
        let mut row = RawRow::for_device();
        row.set("name", RawValue::text(name));
        Arc::new(DeviceChange {
            device,
            patch: DevicePatch::from_row(&row, UnknownFields::Reject).unwrap(),
            precondition: Precondition::Any,
            origin: self.origin(),
        })
    }

    /// Returns the statement that inserts an event of some devices, given as SQL.
    fn insert_event(&self, device_ids: &str) -> String {
        format!(
            "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids) \
             VALUES ({}, 'CREATED', {}, 'r', {device_ids})",
            self.workspace, self.key
        )
    }
}
