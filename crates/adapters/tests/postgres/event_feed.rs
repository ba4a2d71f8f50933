//! The event feed of a workspace, and [`PostgresFeedMonitor`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devices_adapters::postgres::{PostgresFeedMonitor, PostgresRetention, Purge, Purgeable};
use devices_domain::{
    Author, DeviceChange, DeviceId, DevicePatch, Email, EnrollmentFields, EnrollmentReport,
    EventFeed, EventId, EventType, FeedCursor, FeedEnd, FeedError, FeedMonitor, FeedPage,
    FeedRequest, Precondition, RawRow, RawValue, SerialNumber, Store, UnknownFields, UserChange,
    UserFields, UserPatch, WorkspaceId,
};
use devices_tests::execute;

use crate::{TestStore, Writer, block_on, device, operator};

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

#[test]
fn every_kind_of_event_is_read_in_order() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let device = acme.create_one().await;
        acme.devices.update(acme.change(device, "b")).await.unwrap();
        let deleted = acme
            .devices
            .delete(device, Precondition::Any, acme.origin());
        deleted.await.unwrap();
        let restored = acme
            .devices
            .restore(device, Precondition::Any, acme.origin());
        restored.await.unwrap();
        let users = store.users(acme.workspace);
        let user = UserFields::new(Email::from_trusted("ada@example.com".to_owned()));
        let user = users.create(user, Author::Request(acme.origin()));
        let user = user.await.unwrap().id;
        let mut row = RawRow::for_user();
        row.set("first_name", RawValue::text("Ada"));
        let change = UserChange {
            user,
            patch: UserPatch::from_row(&row, UnknownFields::Reject).unwrap(),
            origin: acme.origin(),
        };
        users.update(Arc::new(change)).await.unwrap();
        users.delete(user, acme.origin()).await.unwrap();
        let enrollments = store.enrollments(acme.workspace);
        for status in ["ENROLLED", "UNENROLLED"] {
            let mut row = RawRow::for_enrollment();
            row.set("status", RawValue::text(status));
            let report = EnrollmentReport {
                serial_number: SerialNumber::from_trusted("SN1"),
                fields: EnrollmentFields::from_row(&row, UnknownFields::Reject).unwrap(),
                origin: acme.origin(),
            };
            enrollments.put(Arc::new(report)).await.unwrap();
        }
        let serial_number = devices_domain::IdentifierKey::new("SN1");
        enrollments
            .delete(serial_number, acme.origin())
            .await
            .unwrap();

        let page = store.read(acme.workspace, after(None, 100)).await;
        let types: Vec<_> = page.events.iter().map(|event| event.event_type).collect();
        assert_eq!(types, EventType::ALL[..10]);
        assert!(!page.has_more);
        for (index, event) in page.events.iter().enumerate() {
            let expected_devices = if index < 4 { vec![device] } else { Vec::new() };
            assert_eq!(event.devices, expected_devices);
            assert_eq!(event.user, (4..7).contains(&index).then_some(user));
            assert_eq!(event.enrollment.is_some(), index >= 7);
            assert_eq!(event.batch.is_some(), index == 0);
            assert_eq!((event.key, event.key_name.as_str()), (acme.key, "import"));
            assert_eq!(event.request_id, "request-1");
            let selected = FeedRequest {
                event_type: Some(event.event_type),
                ..after(None, 100)
            };
            let selected = store.read(acme.workspace, selected).await;
            assert_eq!(selected.events, std::slice::from_ref(event));
            assert_eq!(selected.cursor, page.cursor);
        }
        assert_eq!(page.events[1].fields, ["name"]);
        assert_eq!(
            page.events[0].batch.map(|batch| batch.0),
            Some(page.events[0].id.0)
        );
    });
}

#[test]
fn event_has_the_time_of_its_change() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let device = acme.create_one().await;
        let time = |statement: &str| -> DateTime<Utc> {
            let texts = store.database.texts(statement);
            DateTime::parse_from_str(&format!("{}00", texts[0]), "%F %T%.f%z")
                .unwrap()
                .to_utc()
        };
        let event = "SELECT max(occurred_at) FROM device_events";
        let changed = "SELECT updated_at FROM devices";
        assert_eq!(time(event), time(changed));
        acme.devices.update(acme.change(device, "b")).await.unwrap();
        assert_eq!(time(event), time(changed));
        // A clock that was set back does not change the order of the events.
        store.database.execute(
            "UPDATE devices SET updated_at = now() + interval '1 hour'; \
             UPDATE device_events SET occurred_at = now() + interval '1 hour'",
        );
        let deleted = acme
            .devices
            .delete(device, Precondition::Any, acme.origin());
        deleted.await.unwrap();
        assert_eq!(time(event), time(changed));
        let restored = acme
            .devices
            .restore(device, Precondition::Any, acme.origin());
        restored.await.unwrap();
        assert_eq!(time(event), time(changed));
        let page = store.read(acme.workspace, after(None, 100)).await;
        let types: Vec<_> = page.events.iter().map(|event| event.event_type).collect();
        assert_eq!(types, EventType::ALL[..4]);
    });
}

#[test]
fn open_transaction_delays_only_its_own_events() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let mut open = store.database.connect();
        let insert = acme.insert_event("'{1}'");
        execute(&mut open, &format!("BEGIN; {insert}"));
        acme.create_one().await;
        let (first, cursor) = store.read_all(acme.workspace, None).await;
        assert_eq!(first.len(), 1);
        acme.create_one().await;
        let (second, cursor) = store.read_all(acme.workspace, Some(cursor)).await;
        assert_eq!(second.len(), 1);
        execute(&mut open, "COMMIT");
        // Its id and its time are smaller than those of the events before.
        let (late, _) = store.read_all(acme.workspace, Some(cursor)).await;
        assert_eq!(late.len(), 1);
        assert!(late[0] < first[0]);
        let (all, _) = store.read_all(acme.workspace, None).await;
        assert_eq!(all, [first, second, late].concat());
    });
}

#[test]
fn concurrent_readers_see_the_same_order() {
    block_on(async {
        let store = Arc::new(TestStore::new());
        let acme = store.writer("acme").await;
        let writers = (0..8).map(|_| {
            let acme = acme.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    acme.create_one().await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        let readers = (0..4).map(|_| {
            let (store, workspace) = (Arc::clone(&store), acme.workspace);
            tokio::spawn(async move {
                let (mut events, mut cursor) = store.read_all(workspace, None).await;
                while events.len() < 160 {
                    let (next, end) = store.read_all(workspace, Some(cursor)).await;
                    events.extend(next);
                    cursor = end;
                }
                events
            })
        });
        let readers: Vec<_> = readers.collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let (all, _) = store.read_all(acme.workspace, None).await;
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 160);
        for reader in readers {
            assert_eq!(reader.await.unwrap(), all);
        }
    });
}

#[test]
fn page_ends_at_20_000_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = |count: u32| {
            let ids: Vec<_> = (1..=count).map(|id| id.to_string()).collect();
            format!("'{{{}}}'", ids.join(","))
        };
        for count in [9_000, 9_000, 2_000, 1, 30_000, 5] {
            store.database.execute(&acme.insert_event(&ids(count)));
        }
        let mut cursor = None;
        let mut pages: Vec<Vec<usize>> = Vec::new();
        loop {
            let page = store.read(acme.workspace, after(cursor, 1_000)).await;
            pages.push(
                page.events
                    .iter()
                    .map(|event| event.devices.len())
                    .collect(),
            );
            cursor = Some(page.cursor);
            if !page.has_more {
                break;
            }
        }
        let expected = [vec![9_000, 9_000, 2_000], vec![1], vec![30_000], vec![5]];
        assert_eq!(pages, expected);
    });
}

#[test]
fn rare_type_reads_a_bounded_part_of_the_feed() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.execute(&format!(
            "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids, \
                                        user_id) \
             SELECT {}, CASE WHEN number = 12000 THEN 'DELETED' ELSE 'CREATED' END, {}, 'r', \
                    '{{}}', 1 FROM generate_series(1, 12000) AS number",
            acme.workspace, acme.key
        ));
        let (mut cursor, mut found, mut requests) = (None, 0, 0);
        loop {
            let request = FeedRequest {
                event_type: Some(EventType::UserDeleted),
                ..after(cursor, 100)
            };
            let page = store.read(acme.workspace, request).await;
            requests += 1;
            found += page.events.len();
            cursor = Some(page.cursor);
            if !page.has_more {
                break;
            }
        }
        assert_eq!((found, requests), (1, 6));
        // Everything is numbered now.
        let request = FeedRequest {
            event_type: Some(EventType::UserDeleted),
            ..after(None, 100)
        };
        let page = store.read(acme.workspace, request).await;
        assert_eq!((page.events.len(), page.has_more), (0, true));
        assert_eq!(page.cursor.position, 10_000);
    });
}

#[test]
fn purge_expires_the_cursors_before_it() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..3 {
            acme.create_one().await;
        }
        let first = store.read(acme.workspace, after(None, 1)).await.cursor;
        let second = store
            .read(acme.workspace, after(Some(first), 1))
            .await
            .cursor;
        store.read_all(acme.workspace, None).await;
        store.age_events("feed_position <= 2");
        assert_eq!(store.purge_events(acme.workspace).await, 2);
        store
            .assert_expired(acme.workspace, FeedCursor::START)
            .await;
        store.assert_expired(acme.workspace, first).await;
        // This reader has missed nothing.
        assert_eq!(
            store.read_all(acme.workspace, Some(second)).await.0.len(),
            1
        );
        let (from_start, end) = store.read_all(acme.workspace, None).await;
        assert_eq!(from_start.len(), 1);
        acme.create_one().await;
        assert_eq!(store.read_all(acme.workspace, Some(end)).await.0.len(), 1);
    });
}

#[test]
fn purge_of_unread_events_expires_the_last_cursor() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create_one().await;
        let (_, end) = store.read_all(acme.workspace, None).await;
        acme.create_one().await;
        store.age_events("feed_position IS NULL");
        assert_eq!(store.purge_events(acme.workspace).await, 1);
        store.assert_expired(acme.workspace, end).await;
        // Nothing has read this feed, or purged its events, before the purge.
        let globex = store.writer("globex").await;
        globex.create_one().await;
        store.age_events("true");
        assert_eq!(store.purge_events(globex.workspace).await, 1);
        store
            .assert_expired(globex.workspace, FeedCursor::START)
            .await;
        globex.create_one().await;
        let (events, end) = store.read_all(globex.workspace, None).await;
        assert_eq!(events.len(), 1);
        assert_eq!(store.read_all(globex.workspace, Some(end)).await.0, []);
    });
}

#[test]
fn restored_backup_expires_later_cursors() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..2 {
            acme.create_one().await;
        }
        let first = store.read(acme.workspace, after(None, 1)).await.cursor;
        let (_, end) = store.read_all(acme.workspace, None).await;
        // The state before the second event.
        store.database.execute(
            "DELETE FROM device_events WHERE feed_position = 2; \
             UPDATE event_feeds SET last_position = 1",
        );
        store.assert_expired(acme.workspace, end).await;
        // Other events take the same positions.
        for _ in 0..2 {
            acme.create_one().await;
        }
        assert_eq!(store.read_all(acme.workspace, Some(first)).await.0.len(), 2);
        store.assert_expired(acme.workspace, end).await;
        // The state before the first read.
        store
            .database
            .execute("UPDATE device_events SET feed_position = NULL; DELETE FROM event_feeds");
        store.assert_expired(acme.workspace, first).await;
        assert_eq!(
            store
                .read_all(acme.workspace, Some(FeedCursor::START))
                .await
                .0
                .len(),
            3
        );
    });
}

#[test]
fn monitor_finds_the_ends_of_feeds() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let monitor = PostgresFeedMonitor::new(store.pool.clone());
        let ends = || async {
            let workspaces = vec![acme.workspace, globex.workspace, WorkspaceId(99)];
            let mut ends = monitor.ends(workspaces).await.unwrap();
            ends.sort_by_key(|end| end.workspace);
            ends
        };
        acme.create_one().await;
        assert_eq!(ends().await, []);
        store.read_all(acme.workspace, None).await;
        store.read_all(globex.workspace, None).await;
        let end = |writer: &Writer, last_position, has_more| FeedEnd {
            workspace: writer.workspace,
            last_position,
            has_more,
        };
        let expected = [end(&acme, 1, false), end(&globex, 0, false)];
        assert_eq!(ends().await, expected);
        globex.create_one().await;
        let expected = [end(&acme, 1, false), end(&globex, 0, true)];
        assert_eq!(ends().await, expected);
        assert_eq!(monitor.ends(Vec::new()).await.unwrap(), []);
    });
}

#[test]
fn lag_is_the_age_of_the_oldest_unread_event() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let monitor = PostgresFeedMonitor::new(store.pool.clone());
        let hours = || async { monitor.lag().await.unwrap().as_secs() / 3_600 };
        acme.create_one().await;
        store.age_events("true");
        // Nobody reads this feed.
        assert_eq!(monitor.lag().await.unwrap(), Duration::ZERO);
        store.read_all(acme.workspace, None).await;
        assert_eq!(monitor.lag().await.unwrap(), Duration::ZERO);
        acme.create_one().await;
        store.database.execute(
            "UPDATE device_events SET occurred_at = now() - interval '3 hours' \
             WHERE feed_position IS NULL",
        );
        acme.create_one().await;
        assert_eq!(hours().await, 3);
        store
            .database
            .execute("UPDATE event_feeds SET read_at = now() - interval '25 hours'");
        assert_eq!(monitor.lag().await.unwrap(), Duration::ZERO);
        store.read_all(acme.workspace, None).await;
        assert_eq!(
            store
                .database
                .count("event_feeds WHERE read_at > now() - interval '1 hour'"),
            1
        );
    });
}

#[test]
fn locked_feed_is_unavailable_and_not_in_doubt() {
    block_on(async {
        let store = TestStore::new().with_options(devices_adapters::postgres::DatabaseOptions {
            lock_timeout: Duration::from_millis(100),
            ..crate::options()
        });
        let acme = store.writer("acme").await;
        store.read_all(acme.workspace, None).await;
        acme.create_one().await;
        let mut locked = store.database.connect();
        let lock = format!(
            "BEGIN; SELECT 1 FROM event_feeds WHERE workspace_id = {} FOR UPDATE",
            acme.workspace
        );
        execute(&mut locked, &lock);
        if devices_tests::NotOnCluster::ReadsServerOfTheRows.skips() {
            return;
        }
        let read = store.feed(acme.workspace).read(after(None, 10)).await;
        let error = read.unwrap_err();
        assert!(
            matches!(
                error,
                FeedError::Repository(devices_domain::RepositoryError::Unavailable(_))
            ),
            "{error:?}"
        );
        execute(&mut locked, "ROLLBACK");
        assert_eq!(store.read_all(acme.workspace, None).await.0.len(), 1);
    });
}
