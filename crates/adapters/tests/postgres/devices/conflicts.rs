//! Conflicts with stored data.

use std::collections::{BTreeSet, HashMap};

use devices_domain::{
    Conflicts, DeviceId, DeviceLimitReached, LookupKeys, PerUniqueField, RawValue, UniqueField,
    UserId, WorkspaceRepository,
};

use crate::{TestStore, block_on, device, device_of, operator};

#[test]
fn all_conflicts_are_reported_and_nothing_is_stored() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![
            device(&[("serial_number", "A1")]),
            device(&[("serial_number", "A2")]),
        ])
        .await
        .unwrap();
        store
            .workspaces()
            .set_device_limit(acme.workspace, Some(4), operator())
            .await
            .unwrap();

        let batch = vec![
            device(&[("serial_number", "a1")]),
            device(&[("serial_number", "A2")]),
            device_of([("user_id", RawValue::Integer(77))]),
        ];
        let expected = Conflicts {
            unknown_users: BTreeSet::from([UserId(77)]),
            taken: PerUniqueField::of(
                UniqueField::SerialNumber,
                HashMap::from([
                    ("A1".to_owned(), DeviceId(1)),
                    ("A2".to_owned(), DeviceId(2)),
                ]),
            ),
            device_limit: Some(DeviceLimitReached {
                limit: 4,
                held: 2,
                added: 3,
            }),
            ..Conflicts::default()
        };
        let found = acme
            .devices
            .find_conflicts(LookupKeys::from_devices(&batch))
            .await
            .unwrap();
        assert_eq!(found, expected);
        assert_eq!(acme.conflicts(batch).await, expected);
        assert_eq!(store.database.count("devices"), 2);
    });
}

#[test]
fn lowered_device_limit_rejects_only_new_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        store
            .workspaces()
            .set_device_limit(acme.workspace, Some(1), operator())
            .await
            .unwrap();
        let found = acme
            .devices
            .find_conflicts(LookupKeys::default())
            .await
            .unwrap();
        assert!(found.is_empty());
        let keys = LookupKeys::from_devices(&[device(&[])]);
        assert!(!acme.devices.find_conflicts(keys).await.unwrap().is_empty());
    });
}

#[test]
fn batch_without_conflicts_reports_none() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let found = acme
            .devices
            .find_conflicts(LookupKeys::default())
            .await
            .unwrap();
        assert!(found.is_empty());
        let batch = [device(&[("serial_number", "A1")])];
        let found = acme
            .devices
            .find_conflicts(LookupKeys::from_devices(&batch))
            .await
            .unwrap();
        assert_eq!(found, Conflicts::default());
    });
}

#[test]
fn other_workspaces_do_not_conflict() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let foreign_user = store.user(globex.workspace, "ada@example.com").await;
        for writer in [&globex, &acme] {
            let batch = vec![device(&[("serial_number", "A1")])];
            writer.create(batch).await.unwrap();
        }
        let assigned = device_of([("user_id", RawValue::Integer(foreign_user.0))]);
        let conflicts = acme.conflicts(vec![assigned]).await;
        assert_eq!(conflicts.unknown_users, BTreeSet::from([foreign_user]));
    });
}

#[test]
fn deleted_devices_and_users_do_not_count() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let created = acme.create(vec![device(&[("serial_number", "A1")])]).await;
        store
            .workspaces()
            .set_device_limit(acme.workspace, Some(1), operator())
            .await
            .unwrap();
        acme.delete(created.unwrap()[0].id).await;
        store
            .database
            .execute("UPDATE users SET deleted_at = now()");
        acme.create(vec![device(&[("serial_number", "A1")])])
            .await
            .unwrap();
        let assigned = device_of([("user_id", RawValue::Integer(user.0))]);
        let conflicts = acme.conflicts(vec![assigned]).await;
        assert_eq!(conflicts.unknown_users, BTreeSet::from([user]));
    });
}
