//! Restoring of archived devices, and its races.

use devices_domain::{
    ChangeDeviceError, ChangeUserError, Conflicts, CreateError, DeviceId, Precondition, RawValue,
    Revision, StoredDevice, UniqueField,
};
use devices_tests::execute;

use super::races::begin_rival;
use crate::{TestStore, block_on, device, device_of};

/// Returns the conflicts of a rejected restoration.
#[track_caller]
fn conflicts(result: Result<StoredDevice, ChangeDeviceError>) -> Conflicts {
    match result {
        Err(ChangeDeviceError::Rejected(rejected)) => rejected.conflicts,
        other => panic!("expected conflicts, got {other:?}"),
    }
}

#[test]
fn restored_device_has_its_event_and_a_new_revision() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let id = acme
            .create_archived(device(&[("serial_number", "A1")]))
            .await;
        let archived = acme.devices.find(id).await.unwrap().unwrap();
        let restored = acme.restore(id).await.unwrap();
        assert_eq!(restored.archived_at, None);
        assert_eq!(restored.device.fields, archived.device.fields);
        assert!(restored.revision().0 > archived.revision().0);
        assert_eq!(acme.devices.find(id).await.unwrap().unwrap(), restored);
        // An active device is returned unchanged.
        assert_eq!(acme.restore(id).await.unwrap(), restored);
        let events = "SELECT action || ' ' || device_ids::text || fields::text FROM device_events \
                      ORDER BY id";
        assert_eq!(
            store.database.texts(events),
            ["CREATED {1}{}", "DELETED {1}{}", "RESTORED {1}{}"]
        );
    });
}

#[test]
fn restore_checks_device_and_revision() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let id = acme.create_archived(device(&[])).await;
        for missing in [globex.restore(id).await, acme.restore(DeviceId(99)).await] {
            assert!(matches!(missing, Err(ChangeDeviceError::NotFound)));
        }
        let stale = Precondition::AnyOf(vec![Revision(1)]);
        let restored = acme.devices.restore(id, stale, acme.origin()).await;
        assert!(matches!(
            restored,
            Err(ChangeDeviceError::PreconditionFailed)
        ));
        let archived = acme.devices.find(id).await.unwrap().unwrap();
        let current = Precondition::AnyOf(vec![archived.revision()]);
        let restored = acme.devices.restore(id, current, acme.origin()).await;
        assert_eq!(restored.unwrap().archived_at, None);
    });
}

#[test]
fn conflicts_leave_the_device_archived() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let id = acme
            .create_archived(device(&[("serial_number", "A1")]))
            .await;
        let holder = acme.create(vec![device(&[("serial_number", "a1")])]).await;
        let holder = holder.unwrap()[0].id;
        store
            .database
            .execute("UPDATE workspaces SET device_limit = 1");
        let found = conflicts(acme.restore(id).await);
        assert_eq!(found.taken[UniqueField::SerialNumber]["A1"], holder);
        let limit = found.device_limit.unwrap();
        assert_eq!((limit.limit, limit.held, limit.added), (1, 1, 1));
        let stored = acme.devices.find(id).await.unwrap().unwrap();
        assert!(stored.archived_at.is_some());
        assert_eq!(store.database.count("device_events"), 3);
        acme.delete(holder).await;
        assert_eq!(acme.restore(id).await.unwrap().archived_at, None);
    });
}

#[test]
fn restore_loses_a_race_for_its_serial_number() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let id = acme
            .create_archived(device(&[("serial_number", "A1")]))
            .await;
        for (end, succeeds) in [("ROLLBACK", true), ("COMMIT", false)] {
            let mut rival = begin_rival(&store.database, "A1");
            let waiting = acme.clone();
            let waiting = tokio::spawn(async move { waiting.restore(id).await });
            // The look-up found no conflict, and the update waits at the unique index.
            store.database.wait_for_blocked_statement();
            execute(&mut rival, end);
            let restored = waiting.await.unwrap();
            if succeeds {
                restored.unwrap();
                acme.delete(id).await;
            } else {
                assert_eq!(
                    conflicts(restored).taken[UniqueField::SerialNumber].len(),
                    1
                );
            }
        }
        let stored = acme.devices.find(id).await.unwrap().unwrap();
        assert!(stored.archived_at.is_some());
    });
}

#[test]
fn restores_and_batches_share_the_last_place() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for limit in 1..10 {
            let first = acme.create_archived(device(&[])).await;
            let second = acme.create_archived(device(&[])).await;
            store
                .database
                .execute(&format!("UPDATE workspaces SET device_limit = {limit}"));
            let restores = [first, second].map(|id| {
                let acme = acme.clone();
                tokio::spawn(async move { acme.restore(id).await })
            });
            let batch = acme.create(vec![device(&[])]).await;
            let mut succeeded = usize::from(batch.is_ok());
            if let Err(error) = batch {
                assert!(matches!(error, CreateError::Conflicts(_)), "{error}");
            }
            for restore in restores {
                match restore.await.unwrap() {
                    Ok(_) => succeeded += 1,
                    rejected => assert!(conflicts(rejected).device_limit.is_some()),
                }
            }
            assert_eq!(succeeded, 1, "limit {limit}");
            store
                .database
                .execute("UPDATE workspaces SET device_limit = NULL");
        }
    });
}

#[test]
fn restored_device_never_has_a_deleted_assignee() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let users = store.users(acme.workspace);
        for round in 0..20 {
            let email = format!("user{round}@example.com");
            let user = store.user(acme.workspace, &email).await;
            let assigned = device_of([("user_id", RawValue::Integer(user.0))]);
            let id = acme.create_archived(assigned).await;
            let restoring = acme.clone();
            let restoring = tokio::spawn(async move { restoring.restore(id).await });
            let deleted = users.delete(user, acme.origin()).await;
            let restored = restoring.await.unwrap().unwrap();
            match deleted {
                Ok(_) => assert_eq!(restored.device.fields.ownership.user_id, None),
                Err(ChangeUserError::HasDevices) => {
                    assert_eq!(restored.device.fields.ownership.user_id, Some(user));
                }
                Err(error) => panic!("{error}"),
            }
        }
        let orphans = "SELECT devices.id::text FROM devices \
                       JOIN users ON users.workspace_id = devices.workspace_id \
                           AND users.id = user_id \
                       WHERE users.deleted_at IS NOT NULL AND devices.deleted_at IS NULL";
        assert_eq!(store.database.texts(orphans), [""; 0]);
    });
}
