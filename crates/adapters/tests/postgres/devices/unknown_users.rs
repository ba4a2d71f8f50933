//! Users that batches with options create.

use std::sync::Arc;

use devices_adapters::postgres::PostgresStore;
use devices_domain::{
    Action, BatchOptions, BatchPlan, BatchRules, DeviceRepository, NewUpsert, Nulls, OnConflict,
    Quotas, RawRow, RawValue, Reason, RowResult, Store, UniqueField, UnknownUsers, UpsertBatch,
    UpsertError, UpsertOutcome, UpsertResult, UserId,
};
use devices_tests::execute;

use crate::{TestStore, Writer, block_on, unlimited};

const CREATE: BatchOptions = BatchOptions {
    on_conflict: OnConflict::Update,
    is_atomic: true,
    nulls: Nulls::Keep,
    match_field: UniqueField::SerialNumber,
    unknown_users: UnknownUsers::Create,
};

/// Returns a batch of devices with these serial numbers and the email addresses of their users.
pub(super) fn batch<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> UpsertBatch {
    let mut batch = UpsertBatch::new(BatchRules::default(), CREATE);
    for (serial_number, email) in rows {
        let mut row = RawRow::for_device();
        for name in ["name", "type", "category"] {
            row.set(name, RawValue::text("x"));
        }
        row.set("serial_number", RawValue::text(serial_number));
        row.set("user_email", RawValue::text(email));
        batch.push(&row);
    }
    batch
}

pub(super) async fn upsert(
    devices: &dyn DeviceRepository,
    writer: &Writer,
    batch: UpsertBatch,
) -> Result<UpsertResult, UpsertError> {
    let upsert = NewUpsert {
        batch,
        origin: writer.origin(),
        returns_devices: true,
        idempotency: None,
    };
    match devices.upsert(Arc::new(upsert)).await? {
        UpsertOutcome::Result(result) => Ok(result),
        UpsertOutcome::Response(response) => panic!("unexpected response {response:?}"),
    }
}

/// Returns the email address of the assignee of each created or updated device.
fn assignees(result: &UpsertResult) -> Vec<(UserId, &str)> {
    let assignees = result.rows.iter().map(|row| match row {
        RowResult::Created(device) | RowResult::Updated(device, _) => {
            let assignee = device.stored().unwrap().assignee.as_ref().unwrap();
            (assignee.id, assignee.email.as_str())
        }
        other => panic!("unexpected result {other:?}"),
    });
    assignees.collect()
}

#[test]
fn unknown_users_are_created_with_the_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let rows = [
            ("S1", "Zoe@example.com"),
            ("S2", "ada@example.com"),
            ("S3", "ZOE@example.com"),
            ("S4", "bob@example.com"),
        ];
        let result = upsert(acme.devices.as_ref(), &acme, batch(rows)).await;
        let result = result.unwrap();
        let assignees = assignees(&result);
        let (zoe, bob) = (assignees[0].0, assignees[3].0);
        assert_eq!(
            assignees,
            [
                (zoe, "Zoe@example.com"),
                (ada, "ada@example.com"),
                (zoe, "Zoe@example.com"),
                (bob, "bob@example.com"),
            ]
        );
        assert_eq!(store.database.count("users"), 3);
        let events = store.request_events(acme.workspace).await;
        let created = events.iter().map(|event| (event.action, event.user_id));
        let expected = [Some(zoe), Some(bob), None].map(|user| (Action::Created, user));
        assert_eq!(created.collect::<Vec<_>>(), expected);
        // The users are not part of the batch.
        assert_eq!(events[2].batch_id, result.batch);
        assert_eq!((events[0].batch_id, events[1].batch_id), (None, None));
        let counted = "SELECT sum(change)::text FROM usage_changes WHERE resource = 'users'";
        assert_eq!(store.database.texts(counted), ["3"]);
    });
}

#[test]
fn created_user_has_the_columns_of_any_other() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.user(acme.workspace, "Same@example.com").await;
        store
            .database
            .execute("UPDATE users SET deleted_at = now()");
        let created = batch([("S1", "Same@example.com")]);
        upsert(acme.devices.as_ref(), &acme, created).await.unwrap();
        let distinct = "SELECT count(DISTINCT to_jsonb(users) - '{id,created_at,updated_at, \
                        deleted_at}'::text[])::text FROM users";
        assert_eq!(store.database.count("users"), 2);
        assert_eq!(store.database.texts(distinct), ["1"]);
    });
}

#[test]
fn plan_of_new_users_stores_nothing() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let rows = [("S1", "zoe@example.com"), ("S2", "bob@example.com")];
        let plan = acme.devices.plan_upsert(Arc::new(batch(rows))).await;
        let BatchPlan { rows, new_users } = plan.unwrap();
        assert_eq!((rows.len(), new_users), (2, 2));
        assert_eq!(store.database.count("users"), 0);
        let called = "SELECT is_called::text FROM users_id_seq";
        assert_eq!(store.database.texts(called), ["false"]);
    });
}

#[test]
fn users_beyond_the_quota_are_errors() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.user(acme.workspace, "ada@example.com").await;
        let quotas = Quotas {
            users: 2,
            ..unlimited()
        };
        let limited = PostgresStore::new(store.pool.clone(), quotas);
        let devices = limited.for_workspace(acme.workspace).devices;
        let rows = [("S1", "zoe@example.com"), ("S2", "bob@example.com")];
        let rejected = upsert(devices.as_ref(), &acme, batch(rows)).await;
        let Err(UpsertError::Rejected(report)) = rejected else {
            panic!("unexpected result {rejected:?}");
        };
        let errors = report.entries().iter();
        let errors = errors.map(|entry| (entry.index, entry.error.reason));
        assert_eq!(errors.collect::<Vec<_>>(), [(Some(1), Reason::UserQuota)]);
        assert_eq!(store.database.count("users"), 1);
        let fits = batch([("S1", "zoe@example.com")]);
        upsert(devices.as_ref(), &acme, fits).await.unwrap();
        assert_eq!(store.database.count("users"), 2);
    });
}

#[test]
fn user_created_meanwhile_is_used() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let mut rival = store.database.connect();
        execute(
            &mut rival,
            "BEGIN; INSERT INTO users (workspace_id, email, email_folded, role, search_document) \
             VALUES (1, 'Zoe@example.com', 'zoe@example.com', 'EMPLOYEE', '')",
        );
        let loser = acme.clone();
        let loser = tokio::spawn(async move {
            let rows = [("S1", "bob@example.com"), ("S2", "zoe@example.com")];
            upsert(loser.devices.as_ref(), &loser, batch(rows)).await
        });
        // The look-up found no user, and the insert waits at the unique index.
        store.database.wait_for_blocked_statement();
        execute(&mut rival, "COMMIT");
        let result = loser.await.unwrap().unwrap();
        assert_eq!(assignees(&result)[1].1, "Zoe@example.com");
        assert_eq!(store.database.count("users"), 2);
    });
}

#[test]
fn racing_batches_create_each_user_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let rows = |prefix: &str, order: &mut dyn Iterator<Item = u32>| -> UpsertBatch {
            let rows = order.map(|number| {
                let serial_number = format!("{prefix}{number}");
                (serial_number, format!("user{number:03}@example.com"))
            });
            let rows: Vec<(String, String)> = rows.collect();
            batch(
                rows.iter()
                    .map(|(serial, email)| (serial.as_str(), email.as_str())),
            )
        };
        for round in 0..5 {
            let numbers = round * 100..round * 100 + 200;
            let batches = [
                rows(&format!("A{round}-"), &mut numbers.clone()),
                rows(&format!("B{round}-"), &mut numbers.rev()),
            ];
            let stored = batches.map(|batch| {
                let writer = acme.clone();
                tokio::spawn(async move { upsert(writer.devices.as_ref(), &writer, batch).await })
            });
            for stored in stored {
                assert_eq!(assignees(&stored.await.unwrap().unwrap()).len(), 200);
            }
        }
        assert_eq!(store.database.count("users"), 600);
        let created = "device_events WHERE action = 'CREATED' AND user_id IS NOT NULL";
        assert_eq!(store.database.count(created), 600);
        assert_eq!(store.database.count("devices"), 2_000);
    });
}
