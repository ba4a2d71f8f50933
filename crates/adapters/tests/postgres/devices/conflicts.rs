//! Conflicts with stored data.

use std::collections::{BTreeSet, HashMap};

use devices_domain::{
    Conflicts, DeviceId, DeviceLimitReached, LookupKeys, RawValue, UserId, WorkspaceRepository,
};

use crate::{TestStore, block_on, device, device_of};

#[test]
fn every_conflict_is_returned_and_nothing_is_stored() {
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
            .set_device_limit(acme.workspace, Some(4))
            .await
            .unwrap();

        let nobody = device_of([("user_id", RawValue::Integer(77))]);
        let batch = vec![
            device(&[("serial_number", "a1")]),
            device(&[("serial_number", "A2")]),
            nobody,
        ];
        let expected = Conflicts {
            unknown_users: BTreeSet::from([UserId(77)]),
            taken_serial_numbers: HashMap::from([
                ("A1".to_owned(), DeviceId(1)),
                ("A2".to_owned(), DeviceId(2)),
            ]),
            device_limit: Some(DeviceLimitReached {
                limit: 4,
                held: 2,
                added: 3,
            }),
            ..Conflicts::default()
        };
        let looked_up = acme
            .devices
            .find_conflicts(LookupKeys::from_devices(&batch))
            .await
            .unwrap();
        assert_eq!(looked_up, expected);
        assert_eq!(acme.conflicts(batch).await, expected);
        assert_eq!(store.database.count("devices"), 2);
    });
}

#[test]
fn a_limit_that_was_lowered_below_what_is_held_stands_against_new_devices_only() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        let workspaces = store.workspaces();
        workspaces
            .set_device_limit(acme.workspace, Some(1))
            .await
            .unwrap();
        let none = acme
            .devices
            .find_conflicts(LookupKeys::default())
            .await
            .unwrap();
        assert!(none.is_empty());
        let one = LookupKeys::from_devices(&[device(&[])]);
        assert!(!acme.devices.find_conflicts(one).await.unwrap().is_empty());
    });
}

#[test]
fn nothing_is_held_against_a_batch_that_passes() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let none = acme
            .devices
            .find_conflicts(LookupKeys::default())
            .await
            .unwrap();
        assert!(none.is_empty());
        let batch = [device(&[("serial_number", "A1")])];
        let none = acme
            .devices
            .find_conflicts(LookupKeys::from_devices(&batch))
            .await
            .unwrap();
        assert_eq!(none, Conflicts::default());
    });
}

#[test]
fn another_workspaces_users_and_devices_are_not_seen() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let stranger = store.user(globex.workspace, "stranger@example.com").await;
        for writer in [&globex, &acme] {
            let own = vec![device(&[("serial_number", "A1")])];
            writer.create(own).await.unwrap();
        }
        let named = device_of([("user_id", RawValue::Integer(stranger.0))]);
        let found = acme.conflicts(vec![named]).await;
        assert_eq!(found.unknown_users, BTreeSet::from([stranger]));
    });
}

#[test]
fn deleted_devices_and_users_do_not_count() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        acme.create(vec![device(&[("serial_number", "A1")])])
            .await
            .unwrap();
        store
            .workspaces()
            .set_device_limit(acme.workspace, Some(1))
            .await
            .unwrap();
        store
            .database
            .execute("UPDATE devices SET deleted_at = now(); UPDATE users SET deleted_at = now()");
        acme.create(vec![device(&[("serial_number", "A1")])])
            .await
            .unwrap();
        let named = device_of([("user_id", RawValue::Integer(user.0))]);
        let found = acme.conflicts(vec![named]).await;
        assert_eq!(found.unknown_users, BTreeSet::from([user]));
    });
}
