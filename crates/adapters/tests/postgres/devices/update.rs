//! Changes of devices.

use std::collections::BTreeSet;

use devices_domain::{ChangeDeviceError, DeviceId, Precondition, RawValue, UniqueField};

use crate::{TestStore, block_on, device};

#[test]
fn concurrent_patches_are_all_applied() {
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
        let distinct: BTreeSet<_> = revisions.iter().collect();
        assert_eq!(distinct.len(), 60);
        let stored = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
        let row = stored.device.fields.to_row();
        for name in names {
            assert_eq!(row.get(name), &RawValue::text(format!("{name} 9")));
        }
        // The last state has the highest revision.
        assert_eq!(Some(&stored.revision().0), distinct.last().copied());
        let events = "SELECT count(*) FROM device_events WHERE action = 'UPDATED'";
        assert_eq!(store.database.texts(events), ["60"]);
    });
}

#[test]
fn one_of_two_updates_of_a_revision_succeeds() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        for round in 0..10 {
            let stored = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
            let precondition = Precondition::AnyOf(vec![stored.revision()]);
            let updates = ["first", "second"].map(|name| {
                let (acme, precondition) = (acme.clone(), precondition.clone());
                let value = RawValue::text(format!("{name} {round}"));
                tokio::spawn(async move { acme.update(1, [("brand", value)], precondition).await })
            });
            let mut succeeded = 0;
            for update in updates {
                match update.await.unwrap() {
                    Ok(_) => succeeded += 1,
                    Err(error) => assert!(matches!(error, ChangeDeviceError::PreconditionFailed)),
                }
            }
            assert_eq!(succeeded, 1, "round {round}");
        }
    });
}

#[test]
fn one_of_two_updates_takes_a_serial_number() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        for round in 0..10 {
            let updates = [1, 2].map(|id| {
                let acme = acme.clone();
                let value = RawValue::text(format!("SN-{round}"));
                tokio::spawn(async move {
                    acme.update(id, [("serial_number", value)], Precondition::Any)
                        .await
                })
            });
            let mut succeeded = 0;
            for update in updates {
                match update.await.unwrap() {
                    Ok(_) => succeeded += 1,
                    Err(ChangeDeviceError::Rejected(rejected)) => {
                        assert_eq!(rejected.conflicts.taken[UniqueField::SerialNumber].len(), 1);
                    }
                    Err(error) => panic!("round {round}: {error}"),
                }
            }
            assert_eq!(succeeded, 1, "round {round}");
        }
    });
}

#[test]
fn patch_without_changes_writes_nothing() {
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

#[test]
fn document_is_written_if_searches_are_affected() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        acme.create(vec![device(&[])]).await.unwrap();
        store.index_all().await;
        let changes = [
            ("color", RawValue::text("Silver"), false),
            ("client_purchase_price", RawValue::text("12.50"), false),
            ("brand", RawValue::text("Lenovo"), true),
            ("serial_number", RawValue::text("SN-1"), true),
            ("serial_number", RawValue::text("sn-1"), false),
            ("asset_tag", RawValue::text("A-1"), true),
            ("user_id", RawValue::Integer(user.0), true),
        ];
        let version = "SELECT xmin::text FROM search_documents";
        for (name, value, is_written) in changes {
            let before = store.database.texts(version);
            acme.update(1, [(name, value)], Precondition::Any)
                .await
                .unwrap();
            assert_eq!(
                store.database.texts(version) != before,
                is_written,
                "{name}"
            );
        }
        let origin = acme.origin();
        let before = store.database.texts(version);
        acme.devices
            .delete(DeviceId(1), Precondition::Any, origin)
            .await
            .unwrap();
        assert_ne!(store.database.texts(version), before);
    });
}
