//! [`EventRepository`](devices_domain::EventRepository).

use chrono::{TimeDelta, Utc};
use devices_domain::{Action, DeviceId, EventFilter, EventRepository};

use crate::{TestStore, block_on, device};

#[test]
fn batch_writes_one_event_with_its_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        globex.create(vec![device(&[])]).await.unwrap();
        acme.create(vec![device(&[])]).await.unwrap();

        let filter = EventFilter::default();
        let events = store.events().list(acme.workspace, filter).await.unwrap();
        let devices: Vec<Vec<i64>> = events
            .iter()
            .map(|event| event.device_ids.iter().map(|id| id.0).collect())
            .collect();
        assert_eq!(devices, [vec![1, 2], vec![4]]);
        for event in &events {
            assert_eq!(event.workspace_id, acme.workspace);
            assert_eq!(event.action, Action::Created);
            assert_eq!(event.key_id, acme.key);
            assert_eq!(event.request_id, "request-1");
            assert_eq!(event.client_request_id.as_deref(), Some("job-17"));
            assert!(Utc::now() - event.occurred_at < TimeDelta::minutes(5));
        }
    });
}

#[test]
fn list_filters_by_device_time_and_id() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..3 {
            acme.create(vec![device(&[])]).await.unwrap();
        }
        store.database.execute(
            "UPDATE device_events SET occurred_at = now() - interval '1 day' WHERE id = 1",
        );
        let list = |filter| {
            let events = store.events();
            async move {
                let listed = events.list(acme.workspace, filter).await.unwrap();
                listed.iter().map(|event| event.id.0).collect::<Vec<_>>()
            }
        };
        let all = EventFilter::default();
        let of_device = EventFilter {
            device: Some(DeviceId(2)),
            ..all
        };
        assert_eq!(list(of_device).await, [2]);
        let of_today = EventFilter {
            since: Some(Utc::now() - TimeDelta::hours(1)),
            ..all
        };
        assert_eq!(list(of_today).await, [2, 3]);
        let events = store.events().list(acme.workspace, all).await.unwrap();
        let next = EventFilter {
            after: Some(events[1].id),
            ..all
        };
        assert_eq!(list(next).await, [3]);
    });
}

#[test]
fn rejected_batch_writes_no_event() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[("serial_number", "A1")])])
            .await
            .unwrap();
        acme.conflicts(vec![device(&[]), device(&[("serial_number", "A1")])])
            .await;
        assert_eq!(store.database.count("device_events"), 1);
    });
}
