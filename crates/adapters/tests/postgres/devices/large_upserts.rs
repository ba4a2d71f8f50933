//! Batches with options that need several statements of a kind.

use devices_domain::{
    BatchOptions, BatchRules, OnConflict, RawRow, RawValue, RowCounts, Store, UnknownUsers,
    UpsertBatch, UpsertError,
};

use super::unknown_users::upsert;
use crate::{TestStore, block_on, device};

/// More rows than one statement stores.
const ROWS: u32 = 6_000;

/// Returns a batch of devices, each with a user of its own.
fn batch(comment: &str) -> UpsertBatch {
    let rules = BatchRules {
        max_devices: ROWS as usize,
        ..BatchRules::default()
    };
    let options = BatchOptions {
        on_conflict: OnConflict::Update,
        unknown_users: UnknownUsers::Create,
        ..BatchOptions::default()
    };
    let mut batch = UpsertBatch::new(rules, options);
    for number in 0..ROWS {
        let serial_number = format!("S{number}");
        let email = format!("user{number}@example.com");
        let mut row = RawRow::for_device();
        for name in ["name", "type", "category"] {
            row.set(name, RawValue::text("x"));
        }
        row.set("serial_number", RawValue::text(&serial_number));
        row.set("user_email", RawValue::text(&email));
        row.set("comment", RawValue::text(comment));
        batch.push(&row);
    }
    batch
}

#[test]
fn large_batch_is_created_changed_and_undone() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let created = upsert(acme.devices.as_ref(), &acme, batch("first")).await;
        let all = |counts: RowCounts| RowCounts {
            rows: ROWS,
            ..counts
        };
        let expected = all(RowCounts {
            created: ROWS,
            ..RowCounts::default()
        });
        let created = created.unwrap();
        assert_eq!(created.counts(), expected);
        assert_eq!(store.database.count("users"), u64::from(ROWS));
        let assigned = "devices JOIN users \
                            ON users.workspace_id = devices.workspace_id \
                           AND users.id = devices.user_id \
                        WHERE users.email = 'user' || substr(devices.serial_number, 2) \
                                            || '@example.com'";
        assert_eq!(store.database.count(assigned), u64::from(ROWS));

        let changed = upsert(acme.devices.as_ref(), &acme, batch("second")).await;
        let expected = all(RowCounts {
            updated: ROWS,
            ..RowCounts::default()
        });
        assert_eq!(changed.unwrap().counts(), expected);
        let times = "SELECT count(DISTINCT updated_at)::text FROM devices WHERE comment = 'second'";
        assert_eq!(store.database.texts(times), ["1"]);
        let event =
            format!("device_events WHERE action = 'UPDATED' AND cardinality(device_ids) = {ROWS}");
        assert_eq!(store.database.count(&event), 1);

        let batches = store.store().for_workspace(acme.workspace).batches;
        let undone = batches.undo(created.batch.unwrap(), true, acme.origin());
        let undone = undone.await.unwrap().unwrap();
        assert_eq!(undone.archived.len(), ROWS as usize);
        let times = "SELECT count(*) || ' at ' || count(DISTINCT deleted_at) FROM devices \
                     WHERE deleted_at = updated_at";
        assert_eq!(store.database.texts(times), [format!("{ROWS} at 1")]);
        let documents =
            "search_documents WHERE is_archived AND device_id IN (SELECT id FROM devices)";
        assert_eq!(store.database.count(documents), u64::from(ROWS));
    });
}

/// Returns a batch whose rows match no devices.
fn new_devices(count: u32, is_atomic: bool) -> UpsertBatch {
    let options = BatchOptions {
        is_atomic,
        ..BatchOptions::default()
    };
    let mut batch = UpsertBatch::new(BatchRules::default(), options);
    for number in 0..count {
        let serial_number = format!("S{number}");
        let mut row = RawRow::for_device();
        for name in ["name", "type", "category"] {
            row.set(name, RawValue::text("x"));
        }
        row.set("serial_number", RawValue::text(&serial_number));
        batch.push(&row);
    }
    batch
}

#[test]
fn taken_serial_numbers_of_large_batch_are_reported() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let devices = ["S7", "S300"].map(|serial| device(&[("serial_number", serial)]));
        acme.create(devices.into()).await.unwrap();
        let rejected = upsert(acme.devices.as_ref(), &acme, new_devices(500, true)).await;
        let Err(UpsertError::Rejected(report)) = rejected else {
            panic!("unexpected result {rejected:?}");
        };
        let indexes = report.entries().iter().map(|entry| entry.index);
        assert_eq!(indexes.collect::<Vec<_>>(), [Some(7), Some(300)]);
        let stored = upsert(acme.devices.as_ref(), &acme, new_devices(500, false)).await;
        let counts = stored.unwrap().counts();
        assert_eq!((counts.created, counts.failed), (498, 2));
    });
}
