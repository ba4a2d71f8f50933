//! [`DeviceRepository`](devices_domain::DeviceRepository).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use devices_adapters::postgres::DatabaseOptions;
use devices_domain::{
    Conflicts, CreateError, DeviceId, DeviceLimitReached, LookupKeys, RawValue, RepositoryError,
    UserId, WorkspaceRepository,
};
use devices_tests::{TestDatabase, execute};
use diesel::pg::PgConnection;

use crate::{TestStore, Writer, block_on, device, device_of, options};

/// Begins a transaction that writes a device, and does not end it.
fn begin_rival(database: &TestDatabase, serial_number: &str) -> PgConnection {
    let mut rival = database.connect();
    let write = format!(
        "BEGIN; INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, \
         connection_type, serial_number, serial_number_folded) \
         VALUES (1, 'a', 'b', 'c', false, '{{}}', '{{}}', '{serial_number}', '{serial_number}')"
    );
    execute(&mut rival, &write);
    rival
}

#[test]
fn results_come_in_the_order_of_the_devices_whatever_order_they_are_written_in() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let batch = vec![
            device(&[("serial_number", "Z9")]),
            device(&[]),
            device(&[("serial_number", "A1")]),
        ];
        let stored = acme.create(batch).await.unwrap();
        let ids: Vec<_> = stored.iter().map(|device| device.id.0).collect();
        assert_eq!(ids, [1, 2, 3]);
        let by_id = "SELECT coalesce(serial_number, '-') FROM devices ORDER BY id";
        assert_eq!(store.database.texts(by_id), ["Z9", "-", "A1"]);
    });
}

#[test]
fn one_device_and_many_are_written_alike_in_every_column() {
    let fields = [
        ("processor", RawValue::text("Ünïcode \\N \"quoted\" 🖥")),
        ("brand", RawValue::text("\\")),
        ("serial_number", RawValue::text("ａｂ12")),
        ("comment", RawValue::text("{a,\"b\"}")),
        ("user_id", RawValue::Integer(1)),
        ("added_via", RawValue::text("ONBOARDING")),
        ("is_rented", RawValue::Boolean(true)),
        ("client_purchase_price", RawValue::text("999999999999.99")),
        ("client_rental_price", RawValue::text("0")),
        ("client_purchase_date", RawValue::text("0001-01-01")),
        ("client_warranty_endDate", RawValue::text("9999-12-31")),
        ("client_rental_startDate", RawValue::text("2024-02-29")),
        ("client_rental_endDate", RawValue::text("2024-02-29")),
        ("lifecycle", RawValue::text("OUT_OF_SERVICE")),
        ("keyboard_layout", RawValue::text("SWISS_QWERTZ")),
        ("has_webcam", RawValue::Boolean(false)),
        (
            "compliance",
            RawValue::List(vec![
                RawValue::text("a,b"),
                RawValue::text("NULL"),
                RawValue::text("{}"),
            ]),
        ),
    ];
    block_on(async {
        let store = TestStore::new();
        for (name, copies) in [("one", 1), ("many", 2)] {
            let writer = store.writer(name).await;
            store.database.execute(&format!(
                "INSERT INTO users (workspace_id, id, email) VALUES ({}, 1, 'a@b')",
                writer.workspace
            ));
            let mut batch = vec![device_of(fields.clone())];
            batch.resize_with(copies, || device(&[]));
            writer.create(batch).await.unwrap();
        }
        let rows = store.database.texts(
            "SELECT to_jsonb(devices) - 'workspace_id' - 'id' - 'created_at' - 'updated_at' FROM devices
             WHERE serial_number IS NOT NULL",
        );
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], rows[1]);
        for value in [
            "\"Ünïcode \\\\N \\\"quoted\\\" 🖥\"",
            "\"AB12\"",
            "999999999999.99",
            "\"0001-01-01\"",
            "\"9999-12-31\"",
            "[\"a,b\", \"NULL\", \"{}\"]",
        ] {
            assert!(rows[0].contains(value), "{value} in {}", rows[0]);
        }
    });
}

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

#[test]
fn a_batch_that_loses_a_race_after_its_look_up_gets_the_winners_device() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for (winner, batch) in [
            ("A1", vec![device(&[("serial_number", "a1")])]),
            (
                "B1",
                vec![
                    device(&[("serial_number", "B0")]),
                    device(&[("serial_number", "b1")]),
                ],
            ),
        ] {
            let held = store.database.count("devices");
            let mut rival = begin_rival(&store.database, winner);
            let loser = acme.clone();
            let loser = tokio::spawn(async move { loser.conflicts(batch).await });
            // It has looked, found nothing, and waits at the unique index.
            store.database.wait_for_blocked_statement();
            execute(&mut rival, "COMMIT");
            let taken = loser.await.unwrap().taken_serial_numbers;
            let by = taken.keys().map(String::as_str).collect::<Vec<_>>();
            assert_eq!(by, [winner]);
            assert_eq!(store.database.count("devices"), held + 1);
        }
    });
}

#[test]
fn a_race_is_lost_in_good_order_whatever_isolation_the_database_has_for_its_default() {
    block_on(async {
        let store = TestStore::new();
        let workspace = store.workspace("acme").await;
        let key = store.key(workspace).await;
        let setting = "default_transaction_isolation";
        store.database.set_default(setting, "'serializable'");
        let store = store.with_options(options());
        let mut rival = begin_rival(&store.database, "A1");
        let acme = Writer {
            workspace,
            key,
            devices: store.devices(workspace),
        };
        let batch = vec![device(&[("serial_number", "A1")])];
        let loser = tokio::spawn(async move { acme.conflicts(batch).await });
        store.database.wait_for_blocked_statement();
        execute(&mut rival, "COMMIT");
        assert_eq!(loser.await.unwrap().taken_serial_numbers.len(), 1);
    });
}

#[test]
fn a_batch_whose_rival_gives_up_is_stored() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let mut rival = begin_rival(&store.database, "A1");
        let batch = vec![device(&[("serial_number", "A1")])];
        let waiter = tokio::spawn(async move { acme.create(batch).await });
        store.database.wait_for_blocked_statement();
        execute(&mut rival, "ROLLBACK");
        assert_eq!(waiter.await.unwrap().unwrap().len(), 1);
    });
}

#[test]
fn a_store_that_is_away_is_unavailable_and_back_without_a_restart() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.reject_connections();
        let store = store.with_options(DatabaseOptions {
            pool_timeout: Duration::from_millis(200),
            ..options()
        });
        let acme = Writer {
            devices: store.devices(acme.workspace),
            ..acme
        };
        let away = acme.create(vec![device(&[])]).await;
        assert!(
            matches!(
                away,
                Err(CreateError::Repository(RepositoryError::Unavailable(_)))
            ),
            "{away:?}"
        );
        store.database.accept_connections();
        assert_eq!(acme.create(vec![device(&[])]).await.unwrap().len(), 1);
    });
}

#[test]
fn a_device_is_linked_to_the_newest_living_enrolment_of_its_serial_number() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.execute(
            "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status, created_at, deleted_at)
             VALUES (1, 'a1', 'A1', 'UNENROLLED', '2026-01-01', NULL),
                    (1, 'A1', 'A1', 'ENROLLED', '2026-01-03', NULL),
                    (1, 'A1', 'A1', 'PENDING', '2026-01-02', NULL),
                    (1, 'A1', 'A1', 'DRAFT', '2026-01-04', NULL),
                    (1, 'A1', 'A1', 'FAILED', '2026-01-05', now())",
        );
        let batch = vec![
            device(&[]),
            device(&[("serial_number", "a1")]),
            device(&[("serial_number", "A2")]),
        ];
        let stored = acme.create(batch).await.unwrap();
        let shown: Vec<_> = stored
            .iter()
            .map(|device| device.enrollment.as_ref().map(|enrollment| enrollment.id.0))
            .collect();
        assert_eq!(shown, [None, Some(2), None]);
    });
}
