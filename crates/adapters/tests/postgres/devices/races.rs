//! Batches that race with another transaction for a serial number.

use devices_domain::{CreateError, UniqueField};
use devices_tests::{TestDatabase, execute};
use diesel::pg::PgConnection;
use futures_util::future::join;

use crate::{TestStore, Writer, block_on, device, options};

/// Begins a transaction that inserts a device, and leaves it open.
pub(super) fn begin_rival(database: &TestDatabase, serial_number: &str) -> PgConnection {
    let mut rival = database.connect();
    let insert = format!(
        "BEGIN; INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, \
         connection_type, serial_number, serial_number_folded) \
         VALUES (1, 'a', 'b', 'c', false, '{{}}', '{{}}', '{serial_number}', '{serial_number}')"
    );
    execute(&mut rival, &insert);
    rival
}

#[test]
fn loser_of_a_race_reports_the_winners_device() {
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
            let count_before = store.database.count("devices");
            let mut rival = begin_rival(&store.database, winner);
            let loser = acme.clone();
            let loser = tokio::spawn(async move { loser.conflicts(batch).await });
            // The look-up found no conflict, and the insert waits at the unique index.
            store.database.wait_for_blocked_statement();
            execute(&mut rival, "COMMIT");
            let conflicts = loser.await.unwrap();
            let taken = &conflicts.taken[UniqueField::SerialNumber];
            let taken = taken.keys().map(String::as_str).collect::<Vec<_>>();
            assert_eq!(taken, [winner]);
            assert_eq!(store.database.count("devices"), count_before + 1);
        }
    });
}

#[test]
fn default_isolation_level_of_database_is_ignored() {
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
            interface: devices_domain::Interface::Api,
            devices: store.devices(workspace),
        };
        let batch = vec![device(&[("serial_number", "A1")])];
        let loser = tokio::spawn(async move { acme.conflicts(batch).await });
        store.database.wait_for_blocked_statement();
        execute(&mut rival, "COMMIT");
        assert_eq!(
            loser.await.unwrap().taken[UniqueField::SerialNumber].len(),
            1
        );
    });
}

#[test]
fn batch_is_stored_after_its_rival_rolls_back() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let mut rival = begin_rival(&store.database, "A1");
        let batch = vec![device(&[("serial_number", "A1")])];
        let waiting = tokio::spawn(async move { acme.create(batch).await });
        store.database.wait_for_blocked_statement();
        execute(&mut rival, "ROLLBACK");
        assert_eq!(waiting.await.unwrap().unwrap().len(), 1);
    });
}

#[test]
fn batches_with_crossed_values_are_retried() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let other_server = store.with_options(options());
        let row = |serial_number: &'static str, asset_tag: &'static str| {
            device(&[("serial_number", serial_number), ("asset_tag", asset_tag)])
        };
        // Sorted by serial number, the batches insert the same asset tags in opposite orders.
        for [first, second] in [["T1", "T2"], ["T3", "T4"], ["T5", "T6"]] {
            let batch = vec![row("A", first), row("B", second)];
            let crossed = vec![row("C", second), row("D", first)];
            let devices = other_server.devices(acme.workspace);
            let rival = Writer {
                workspace: acme.workspace,
                key: acme.key,
                interface: acme.interface,
                devices,
            };
            let (one, other) = join(acme.create(batch), rival.create(crossed)).await;
            let error = match (one, other) {
                (Ok(_), Err(error)) | (Err(error), Ok(_)) => error,
                both => panic!("exactly one batch is stored: {both:?}"),
            };
            let CreateError::Conflicts(conflicts) = error else {
                panic!("unexpected {error:?}");
            };
            assert_eq!(conflicts.taken[UniqueField::AssetTag].len(), 2);
            execute(
                &mut other_server.database.connect(),
                "UPDATE devices SET serial_number = NULL, serial_number_folded = NULL",
            );
        }
    });
}
