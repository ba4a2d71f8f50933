//! Changes of many devices that race with other changes.

use devices_domain::{
    BulkAction, BulkChangeError, ChangeUserError, DeviceId, Precondition, RawValue, Reason,
    RepositoryError,
};
use devices_tests::{Proxy, ProxyMode, execute};

use super::{reasons, tag};
use crate::devices::races::begin_rival;
use crate::{TestStore, Writer, block_on, options};

/// Two changes that lock the devices in different orders would deadlock.
#[test]
fn devices_are_locked_in_the_order_of_their_serial_numbers() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.create_serials(&["C", "A", "B"]).await;
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let mut rival = store.database.connect();
            let lock = "BEGIN; SELECT FROM devices WHERE serial_number = 'B' FOR UPDATE";
            execute(&mut rival, lock);
            let (waiting, ids) = (acme.clone(), order.map(|index| ids[index]));
            let waiting = tokio::spawn(async move {
                let changed = waiting.change_many(&ids, BulkAction::Archive).await;
                changed.unwrap();
                waiting.change_many(&ids, BulkAction::Restore).await
            });
            store.database.wait_for_blocked_statement();
            let free = "SELECT serial_number FROM devices FOR UPDATE SKIP LOCKED";
            assert_eq!(store.database.texts(free), ["C"]);
            execute(&mut rival, "ROLLBACK");
            assert_eq!(waiting.await.unwrap().unwrap().changed.len(), 3);
        }
    });
}

#[test]
fn overlapping_changes_are_all_made() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.create_serials(&["D", "A", "C", "B", "E"]).await;
        let reversed: Vec<DeviceId> = ids.iter().rev().copied().collect();
        for round in 0..10 {
            let changes = [&ids[..4], &reversed[..4], &ids].map(<[_]>::to_vec);
            let changes = changes.into_iter().enumerate().map(|(number, ids)| {
                let acme = acme.clone();
                let add = BulkAction::AddTag(tag(&format!("{round}-{number}")));
                tokio::spawn(async move { acme.change_many(&ids, add).await })
            });
            let changes: Vec<_> = changes.collect();
            for id in &ids {
                let brand = [("brand", RawValue::text(format!("{round}")))];
                acme.update(id.0, brand, Precondition::Any).await.unwrap();
            }
            for change in changes {
                change.await.unwrap().unwrap();
            }
        }
        for (index, stored) in acme.find_all(&ids).await.into_iter().enumerate() {
            let expected = if index == 0 || index == 4 { 20 } else { 30 };
            assert_eq!(stored.device.fields.inventory.tags.iter().len(), expected);
        }
    });
}

/// A change is planned with the state that a rival left.
#[test]
fn plan_waits_for_a_rival() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.create_serials(&["A", "B"]).await;
        for (set, is_rejected) in [("tags = '{loan}'", false), ("deleted_at = now()", true)] {
            let mut rival = store.database.connect();
            let update = format!("BEGIN; UPDATE devices SET {set} WHERE serial_number = 'A'");
            execute(&mut rival, &update);
            let (waiting, ids) = (acme.clone(), ids.clone());
            let waiting = tokio::spawn(async move {
                let add = BulkAction::AddTag(tag("loan"));
                waiting.change_many(&ids, add).await
            });
            store.database.wait_for_blocked_statement();
            execute(&mut rival, "COMMIT");
            match waiting.await.unwrap() {
                Ok(result) => assert_eq!(result.unchanged, [DeviceId(1)]),
                Err(BulkChangeError::Rejected(rejected)) if is_rejected => {
                    assert_eq!(reasons(&rejected), [(1, vec![])]);
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn restoration_loses_a_race_for_a_serial_number() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.create_serials(&["A1", "B1"]).await;
        for (end, succeeds) in [("ROLLBACK", true), ("COMMIT", false)] {
            acme.change_many(&ids, BulkAction::Archive).await.unwrap();
            let mut rival = begin_rival(&store.database, "A1");
            let (waiting, ids) = (acme.clone(), ids.clone());
            let waiting =
                tokio::spawn(async move { waiting.change_many(&ids, BulkAction::Restore).await });
            // The look-up found no conflict, and the update waits at the unique index.
            store.database.wait_for_blocked_statement();
            execute(&mut rival, end);
            match waiting.await.unwrap() {
                Ok(restored) => assert!(succeeds, "{restored:?}"),
                Err(BulkChangeError::Rejected(rejected)) if !succeeds => {
                    assert_eq!(reasons(&rejected), [(1, vec![Reason::AlreadyExists])]);
                }
                Err(error) => panic!("{error}"),
            }
        }
        let active = "devices WHERE deleted_at IS NULL";
        assert_eq!(store.database.count(active), 1);
    });
}

#[test]
fn restorations_share_the_last_places() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.create_serials(&["A", "B", "C", "D"]).await;
        let limits = "UPDATE workspaces SET device_limit = 3";
        store.database.execute(limits);
        for _ in 0..5 {
            acme.change_many(&ids, BulkAction::Archive).await.unwrap();
            let restorations = [&ids[..2], &ids[2..]].map(|ids| {
                let (acme, ids) = (acme.clone(), ids.to_vec());
                tokio::spawn(async move { acme.change_many(&ids, BulkAction::Restore).await })
            });
            let mut succeeded = 0;
            for restoration in restorations {
                match restoration.await.unwrap() {
                    Ok(_) => succeeded += 1,
                    Err(BulkChangeError::Rejected(rejected)) => {
                        assert_eq!(reasons(&rejected)[0].1, [Reason::DeviceLimit]);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(succeeded, 1);
        }
    });
}

#[test]
fn first_limit_waits_for_restorations() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.create_serials(&["A", "B"]).await;
        acme.change_many(&ids, BulkAction::Archive).await.unwrap();
        let mut rival = begin_rival(&store.database, "A");
        let waiting = acme.clone();
        let waiting =
            tokio::spawn(async move { waiting.change_many(&ids, BulkAction::Restore).await });
        store.database.wait_for_blocked_statement();
        // The limit is set while the devices are being written.
        store
            .database
            .execute("UPDATE workspaces SET device_limit = 1");
        execute(&mut rival, "ROLLBACK");
        let Err(BulkChangeError::Rejected(rejected)) = waiting.await.unwrap() else {
            panic!("the devices exceed the limit");
        };
        assert_eq!(reasons(&rejected), [(2, vec![Reason::DeviceLimit])]);
    });
}

#[test]
fn devices_are_never_assigned_to_a_deleted_user() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let users = store.users(acme.workspace);
        let ids = acme.create_serials(&["A", "B"]).await;
        for round in 0..20 {
            let email = format!("user{round}@example.com");
            let user = store.user(acme.workspace, &email).await;
            let (assigning, ids) = (acme.clone(), ids.clone());
            let assigning = tokio::spawn(async move {
                let assign = BulkAction::Assign(Some(user));
                assigning.change_many(&ids, assign).await
            });
            let deleted = users.delete(user, acme.origin()).await;
            match (assigning.await.unwrap(), deleted) {
                (Ok(assigned), Err(ChangeUserError::HasDevices)) => {
                    assert_eq!(assigned.changed.len(), 2);
                }
                (Err(BulkChangeError::Rejected(rejected)), Ok(_)) => {
                    assert_eq!(reasons(&rejected)[1].1, [Reason::UnknownUser]);
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn lost_commit_is_resolved() {
    block_on(async {
        let mut store = TestStore::new();
        let proxy = Proxy::in_front_of(&store.database);
        store.pool = devices_adapters::postgres::Database::new(proxy.url(), &options()).unwrap();
        let acme: Writer = store.writer("acme").await;
        let ids = acme.create_serials(&["A", "B"]).await;
        let after_commit = ProxyMode::DisconnectAfterCommit {
            stay_disconnected: false,
        };
        for (mode, is_stored) in [
            (ProxyMode::DisconnectBeforeCommit, false),
            (ProxyMode::DisconnectDuringCommit, true),
            (after_commit, true),
        ] {
            proxy.set_mode(mode);
            let add = BulkAction::AddTag(tag(&format!("{mode:?}").to_lowercase()));
            let changed = acme.change_many(&ids, add.clone()).await;
            assert_eq!(proxy.mode(), ProxyMode::Forward);
            match changed {
                Ok(changed) => assert_eq!(changed.changed, ids),
                Err(BulkChangeError::Repository(RepositoryError::Unavailable(_))) => {
                    assert!(!is_stored, "{mode:?}");
                }
                Err(error) => panic!("{mode:?}: {error}"),
            }
            let repeated = acme.change_many(&ids, add).await.unwrap();
            assert_eq!(repeated.changed.is_empty(), is_stored, "{mode:?}");
        }
    });
}
