//! Events, their types and their order.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use devices_domain::{
    Author, DeviceId, Email, EnrollmentFields, EnrollmentReport, EventType, FeedRequest,
    IdentifierKey, Precondition, RawRow, RawValue, SerialNumber, UnknownFields, UserChange,
    UserFields, UserId, UserPatch,
};
use devices_tests::execute;

use super::after;
use crate::{TestStore, Writer, block_on};

/// Makes a change of every kind except the undoing of a batch. Returns the device and the user.
pub(super) async fn make_changes(store: &TestStore, acme: &Writer) -> (DeviceId, UserId) {
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
    let serial_number = IdentifierKey::new("SN1");
    enrollments
        .delete(serial_number, acme.origin())
        .await
        .unwrap();
    (device, user)
}

#[test]
fn every_kind_of_event_is_read_in_order() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let (device, user) = make_changes(&store, &acme).await;
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
