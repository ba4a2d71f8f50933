//! [`EventRepository`](devices_domain::EventRepository).

use chrono::{TimeDelta, Utc};
use devices_domain::{
    Action, DeviceFilter, DeviceId, EventFilter, EventRepository, KeyRepository, NewSecret,
    WorkspaceRepository,
};

use crate::{TestStore, block_on, device, operator};

#[test]
fn batch_writes_one_event_with_its_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        let first = acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        globex.create(vec![device(&[])]).await.unwrap();
        let second = acme.create(vec![device(&[])]).await.unwrap();

        let events = store.request_events(acme.workspace).await;
        let devices: Vec<_> = events
            .iter()
            .map(|event| event.device_ids.clone())
            .collect();
        assert_eq!(
            devices,
            [first, second].map(|batch| batch.iter().map(|device| device.id).collect::<Vec<_>>())
        );
        for event in &events {
            assert_eq!(event.workspace_id, acme.workspace);
            assert_eq!(event.action, Action::Created);
            assert_eq!(event.key_id, Some(acme.key));
            assert_eq!(event.request_id.as_deref(), Some("request-1"));
            assert_eq!(event.client_request_id.as_deref(), Some("job-17"));
            assert!(Utc::now() - event.occurred_at < TimeDelta::minutes(5));
        }
    });
}

fn filter(change: impl FnOnce(&mut EventFilter)) -> EventFilter {
    let mut filter = EventFilter::default();
    change(&mut filter);
    filter
}

#[test]
fn list_filters_events() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        for _ in 0..3 {
            acme.create(vec![device(&[])]).await.unwrap();
        }
        store.database.execute(
            "UPDATE device_events SET occurred_at = now() - interval '1 day' \
             WHERE device_ids = ARRAY[1::bigint]",
        );
        let list = |filter| {
            let events = store.events();
            async move { events.list(acme.workspace, filter).await.unwrap() }
        };
        let events = list(EventFilter::default()).await;
        // The workspace, its key, the user and three devices.
        assert_eq!(events.len(), 6);
        assert!(events.is_sorted_by_key(|event| event.id));
        let [workspace, key, ada, first, second, third] = [0, 1, 2, 3, 4, 5].map(|n| &events[n]);
        let recent = filter(|filter| {
            filter.since = Some(Utc::now() - TimeDelta::hours(1));
            filter.key = Some(acme.key);
            filter.action = Some(Action::Created);
        });
        let cases = [
            (
                filter(|filter| filter.device = Some(DeviceId(2))),
                vec![second],
            ),
            (filter(|filter| filter.user = Some(user)), vec![ada]),
            (
                filter(|filter| filter.key = Some(acme.key)),
                vec![key, first, second, third],
            ),
            (recent, vec![key, second, third]),
            (
                filter(|filter| filter.action = Some(Action::Deleted)),
                vec![],
            ),
            (
                filter(|filter| filter.after = Some(workspace.id)),
                vec![key, ada, first, second, third],
            ),
        ];
        for (filter, expected) in cases {
            let listed = list(filter).await;
            assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{filter:?}");
        }
    });
}

#[test]
fn administration_writes_events() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let (workspaces, keys) = (store.workspaces(), store.keys());
        for limit in [Some(5), Some(5), None] {
            let set = workspaces.set_device_limit(acme.workspace, limit, operator());
            set.await.unwrap();
        }
        let secret = NewSecret {
            sha256: [9; 32],
            prefix: "fdk_1_abcd".to_owned(),
        };
        let rotated = keys.rotate(acme.workspace, acme.key, secret, Utc::now(), 9, operator());
        let new = rotated.await.unwrap().id;
        for _ in 0..2 {
            let revoked = keys.revoke(acme.workspace, new, operator());
            revoked.await.unwrap();
        }
        let events = store.events();
        let events = events.list(acme.workspace, EventFilter::default()).await;
        let events = events.unwrap();
        let summary: Vec<_> = events
            .iter()
            .map(|event| {
                assert_eq!(event.operator, Some(operator()));
                assert_eq!(event.key_id, None);
                (event.action, event.api_key_id, event.fields.join(" "))
            })
            .collect();
        let (none, limit) = (String::new, || "device_limit".to_owned());
        assert_eq!(
            summary,
            [
                (Action::Created, None, none()),
                (Action::Created, Some(acme.key), none()),
                (Action::Updated, None, limit()),
                (Action::Updated, None, limit()),
                (Action::Rotated, Some(acme.key), none()),
                (Action::Created, Some(new), none()),
                (Action::Revoked, Some(new), none()),
            ]
        );
    });
}

#[test]
fn export_writes_event_with_its_filters() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        let laptops = DeviceFilter {
            type_: Some("laptop".to_owned()),
            ..DeviceFilter::default()
        };
        let recorded = acme.devices.record_export(laptops, acme.origin());
        recorded.await.unwrap();
        let exports = filter(|filter| filter.action = Some(Action::Exported));
        let events = store.events().list(acme.workspace, exports).await.unwrap();
        let [event] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!(event.key_id, Some(acme.key));
        assert_eq!(event.operator, None);
        assert_eq!(event.fields, ["type"]);
        assert_eq!(event.item_count, Some(2));
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
