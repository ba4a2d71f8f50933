//! The newest events, for people.

use devices_domain::{EventId, EventType, KeyId, RecentPage, RecentRequest};

use super::order::make_changes;
use crate::{TestStore, Writer, block_on};

fn newest(limit: u32) -> RecentRequest {
    RecentRequest {
        before: None,
        limit,
        event_type: None,
        key: None,
    }
}

async fn recent(store: &TestStore, acme: &Writer, request: RecentRequest) -> RecentPage {
    store.feed(acme.workspace).recent(request).await.unwrap()
}

#[test]
fn newest_events_are_first() {
    let store = TestStore::new();
    block_on(async {
        let acme = store.writer("acme").await;
        let other = store.writer("other").await;
        other.create_one().await;
        let (device, user) = make_changes(&store, &acme).await;
        let page = recent(&store, &acme, newest(50)).await;
        let types: Vec<_> = page.events.iter().map(|event| event.event_type).collect();
        let expected = [
            EventType::EnrollmentDeleted,
            EventType::EnrollmentUpdated,
            EventType::EnrollmentCreated,
            EventType::UserDeleted,
            EventType::UserUpdated,
            EventType::UserCreated,
            EventType::DeviceRestored,
            EventType::DeviceArchived,
            EventType::DeviceUpdated,
            EventType::DeviceCreated,
        ];
        assert_eq!(types, expected);
        assert_eq!(page.next, None);
        let renamed = &page.events[8];
        assert_eq!((renamed.device, renamed.device_count), (Some(device), 1));
        assert_eq!(renamed.device_name.as_deref(), Some("b"));
        assert_eq!(renamed.fields, ["name"]);
        assert_eq!(renamed.key_name, "import");
        // Deleted objects have no name any more.
        assert_eq!(page.events[3].user, Some(user));
        assert_eq!(page.events[3].user_email, None);
        assert_eq!(page.events[0].enrollment_serial_number, None);
    });
}

#[test]
fn pages_continue_before_the_last_event() {
    let store = TestStore::new();
    block_on(async {
        let acme = store.writer("acme").await;
        make_changes(&store, &acme).await;
        let all = recent(&store, &acme, newest(50)).await.events;
        let mut request = newest(3);
        let mut found = Vec::new();
        loop {
            let page = recent(&store, &acme, request).await;
            found.extend(page.events);
            let Some(next) = page.next else { break };
            request.before = Some(next);
        }
        assert_eq!(found, all);
    });
}

#[test]
fn events_of_a_type_or_a_key_are_selected() {
    let store = TestStore::new();
    block_on(async {
        let acme = store.writer("acme").await;
        make_changes(&store, &acme).await;
        let updated = RecentRequest {
            event_type: Some(EventType::UserUpdated),
            ..newest(50)
        };
        let page = recent(&store, &acme, updated).await;
        assert_eq!(page.events.len(), 1);
        for (key, expected) in [(acme.key, 10), (KeyId(acme.key.0 + 1), 0)] {
            let by_key = RecentRequest {
                key: Some(key),
                ..newest(50)
            };
            assert_eq!(recent(&store, &acme, by_key).await.events.len(), expected);
        }
    });
}

#[test]
fn rare_type_reads_a_limited_number_of_events() {
    let store = TestStore::new();
    block_on(async {
        let acme = store.writer("acme").await;
        make_changes(&store, &acme).await;
        store.database.execute(&format!(
            "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids) \
             SELECT {}, 'UPDATED', {}, 'r', ARRAY[1] FROM generate_series(1, {})",
            acme.workspace,
            acme.key,
            RecentPage::MAX_SPAN,
        ));
        let mut request = RecentRequest {
            event_type: Some(EventType::UserCreated),
            ..newest(50)
        };
        let page = recent(&store, &acme, request).await;
        assert_eq!(page.events, []);
        assert!(page.next > Some(EventId(0)));
        request.before = page.next;
        let page = recent(&store, &acme, request).await;
        assert_eq!((page.events.len(), page.next), (1, None));
    });
}
