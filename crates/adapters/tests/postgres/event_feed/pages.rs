//! Sizes of pages.

use devices_domain::{EventType, FeedRequest};

use super::after;
use crate::{TestStore, block_on};

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
