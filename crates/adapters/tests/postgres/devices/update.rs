//! Changes of devices.

use std::collections::BTreeSet;

use devices_domain::{ChangeDeviceError, DeviceId, Precondition, RawValue};

use crate::{TestStore, block_on, device};

#[test]
fn patches_of_different_fields_at_once_lose_nothing_and_each_is_later_than_the_one_before() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        let names = ["brand", "comment", "ram", "storage", "color", "processor"];
        let patches = names.map(|name| {
            let acme = acme.clone();
            tokio::spawn(async move {
                let mut revisions = Vec::new();
                for round in 0..10 {
                    let value = RawValue::text(format!("{name} {round}"));
                    let updated = acme.update(1, [(name, value)], Precondition::Any).await;
                    revisions.push(updated.unwrap().revision().0);
                }
                revisions
            })
        });
        let mut revisions = Vec::new();
        for patch in patches {
            revisions.extend(patch.await.unwrap());
        }
        let different: BTreeSet<_> = revisions.iter().collect();
        assert_eq!(different.len(), 60);
        let read = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
        let row = read.device.fields.to_row();
        for name in names {
            assert_eq!(row.get(name), &RawValue::text(format!("{name} 9")));
        }
        assert_eq!(Some(&read.revision().0), different.last().copied());
        let events = "SELECT count(*) FROM device_events WHERE action = 'UPDATED'";
        assert_eq!(store.database.texts(events), ["60"]);
    });
}

#[test]
fn of_changes_that_expect_the_same_state_one_is_made() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        for round in 0..10 {
            let read = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
            let expected = Precondition::AnyOf(vec![read.revision()]);
            let changes = ["one", "other"].map(|name| {
                let (acme, expected) = (acme.clone(), expected.clone());
                let value = RawValue::text(format!("{name} {round}"));
                tokio::spawn(async move { acme.update(1, [("brand", value)], expected).await })
            });
            let mut made = 0;
            for change in changes {
                match change.await.unwrap() {
                    Ok(_) => made += 1,
                    Err(error) => assert!(matches!(error, ChangeDeviceError::PreconditionFailed)),
                }
            }
            assert_eq!(made, 1);
        }
    });
}

#[test]
fn a_serial_number_that_two_patches_take_at_once_goes_to_one() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        for round in 0..10 {
            let changes = [1, 2].map(|id| {
                let acme = acme.clone();
                let value = RawValue::text(format!("SN-{round}"));
                tokio::spawn(async move {
                    acme.update(id, [("serial_number", value)], Precondition::Any)
                        .await
                })
            });
            let mut made = 0;
            for change in changes {
                match change.await.unwrap() {
                    Ok(_) => made += 1,
                    Err(ChangeDeviceError::Rejected(objections)) => {
                        assert_eq!(objections.conflicts.taken_serial_numbers.len(), 1);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(made, 1, "round {round}");
        }
    });
}

#[test]
fn a_patch_that_changes_nothing_leaves_no_trace() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[("brand", "Dell")])])
            .await
            .unwrap();
        let before = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
        let same = [("brand", RawValue::text("Dell")), ("ram", RawValue::Null)];
        let after = acme.update(1, same, Precondition::Any).await.unwrap();
        assert_eq!(after, before);
        assert_eq!(store.database.count("device_events"), 1);
    });
}
