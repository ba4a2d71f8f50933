//! Batches of a workspace that share a transaction.

use std::future::Future;
use std::time::Duration;

use devices_adapters::postgres::DatabaseOptions;
use devices_domain::{
    CreateError, IdempotencyError, IdempotencyKey, IdempotentRequest, InsertedDevice,
    KeyRepository, NewWorkspace, RawValue, RepositoryError, StoreResult, UniqueField, UserId,
    WorkspaceRepository,
};
use futures_util::future::{join, join_all};

use crate::{TestStore, Writer, block_on, device, device_of, keys, operator, options};

/// Runs `requests` as one group: two other transactions block the workspace while the requests are
/// submitted, in their order.
async fn run_as_group<T>(
    store: &TestStore,
    writer: &Writer,
    requests: impl IntoIterator<Item = impl Future<Output = T>>,
) -> Vec<T> {
    let table_lock = store.database.lock("device_events");
    let mut blockers = Vec::new();
    for count in 1..=2 {
        let writer = writer.clone();
        blockers.push(tokio::spawn(async move {
            writer.create(vec![device(&[])]).await
        }));
        // One after the other: two at once could form one group, and block only one worker.
        while store.database.count_blocked_statements() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let (responses, ()) = join(join_all(requests), async { drop(table_lock) }).await;
    for blocker in blockers {
        blocker.await.unwrap().unwrap();
    }
    responses
}

/// Returns the number of transactions that created these devices. Selects their events by device:
/// the event of a blocker can be newer.
fn transactions(store: &TestStore, devices: &str) -> usize {
    let query = format!(
        "SELECT DISTINCT xmin::text FROM device_events \
         WHERE device_ids && ARRAY[{devices}]::bigint[]"
    );
    store.database.texts(&query).len()
}

#[test]
fn each_batch_of_a_group_gets_its_own_result() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let old = acme.create(vec![device(&[("serial_number", "OLD")])]).await;
        let old = old.unwrap()[0].id;
        let unknown_user = RawValue::Integer(999);
        let batches = [
            vec![
                device(&[("serial_number", "A")]),
                device(&[("serial_number", "B")]),
            ],
            vec![device(&[]), device(&[("serial_number", "a")])],
            vec![device_of([("user_id", unknown_user)])],
            vec![device(&[("serial_number", "old")])],
            vec![device(&[("serial_number", "C")])],
        ];
        let requests = batches.map(|batch| acme.create(batch));
        let results = run_as_group(&store, &acme, requests).await;
        let [first, same_serial, unknown, taken, last] = results.try_into().unwrap();
        let first = first.unwrap();
        let conflicts = |result: Result<_, CreateError>| match result {
            Err(CreateError::Conflicts(conflicts)) => *conflicts,
            other => panic!("expected conflicts, got {other:?}"),
        };
        let same_serial = conflicts(same_serial);
        assert_eq!(
            same_serial.taken[UniqueField::SerialNumber],
            [("A".to_owned(), first[0].id)].into()
        );
        assert!(same_serial.unknown_users.is_empty());
        let unknown = conflicts(unknown);
        assert_eq!(unknown.unknown_users, [UserId(999)].into());
        assert!(unknown.taken[UniqueField::SerialNumber].is_empty());
        let taken = conflicts(taken);
        assert_eq!(
            taken.taken[UniqueField::SerialNumber],
            [("OLD".to_owned(), old)].into()
        );
        let (first, last) = (
            format!("{},{}", first[0].id, first[1].id),
            last.unwrap()[0].id,
        );
        let both = format!("{first},{last}");
        let events = store.database.texts(&format!(
            "SELECT device_ids::text FROM device_events \
             WHERE device_ids && ARRAY[{both}]::bigint[] ORDER BY id"
        ));
        assert_eq!(events, [format!("{{{first}}}"), format!("{{{last}}}")]);
        assert_eq!(transactions(&store, &both), 1);
        assert_eq!(store.database.count("devices"), 6);
    });
}

#[test]
fn asset_tag_of_earlier_batch_in_group_is_taken() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let batch = |asset_tag| vec![device(&[("asset_tag", asset_tag)])];
        let requests = ["IT 1", "it  1", "IT 2"].map(|tag| acme.create(batch(tag)));
        let results = run_as_group(&store, &acme, requests).await;
        let [first, same, other] = results.try_into().unwrap();
        let first = first.unwrap()[0].id;
        assert!(other.is_ok());
        let Err(CreateError::Conflicts(conflicts)) = same else {
            panic!("unexpected {same:?}");
        };
        let taken = &conflicts.taken;
        assert_eq!(
            taken[UniqueField::AssetTag],
            [("IT 1".to_owned(), first)].into()
        );
        assert!(taken[UniqueField::SerialNumber].is_empty());
    });
}

#[test]
fn large_batch_reports_all_conflicts_at_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let old = acme.create(vec![device(&[("serial_number", "OLD")])]).await;
        let old = old.unwrap()[0].id;
        let mut devices: Vec<_> = (0..298).map(|_| device(&[])).collect();
        devices.push(device(&[("serial_number", "old")]));
        let unassignable = device_of([("user_id", RawValue::Integer(999))]);
        let with_both = [devices.clone(), vec![unassignable]].concat();
        let both = acme.conflicts(with_both).await;
        assert_eq!(
            both.taken[UniqueField::SerialNumber],
            [("OLD".to_owned(), old)].into()
        );
        assert_eq!(both.unknown_users, [UserId(999)].into());
        let taken_alone = acme.conflicts(devices).await;
        assert_eq!(
            taken_alone.taken[UniqueField::SerialNumber],
            both.taken[UniqueField::SerialNumber]
        );
        assert_eq!(store.database.count("devices"), 1);
    });
}

#[test]
fn idempotency_key_is_used_once_per_group() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let request = |key| IdempotentRequest {
            operation: "POST /devices",
            key: IdempotencyKey::parse(key).unwrap(),
            fingerprint: [7; 32],
        };
        let render = |_: &_, devices: &[InsertedDevice]| devices[0].id.to_string().into_bytes();
        let requests = ["one", "two", "one"]
            .map(|key| acme.store(vec![device(&[])], Some((request(key), render))));
        let results = run_as_group(&store, &acme, requests).await;
        let [one, two, repeated] = results.try_into().unwrap();
        let response = |result| match result {
            Ok(StoreResult::Response(response)) => response,
            other => panic!("expected a response, got {other:?}"),
        };
        let (one, two) = (response(one), response(two));
        assert_ne!(one.body, two.body);
        let in_progress = CreateError::Idempotency(IdempotencyError::InProgress);
        assert_eq!(repeated.unwrap_err().to_string(), in_progress.to_string());
        let bodies = [one.body, two.body].map(|body| String::from_utf8(body).unwrap());
        for (key, body) in ["one", "two"].into_iter().zip(&bodies) {
            let stored = acme.devices.find_response(request(key)).await.unwrap();
            assert_eq!(stored.unwrap().body, body.as_bytes());
        }
        assert_eq!(transactions(&store, &bodies.join(",")), 1);
    });
}

#[test]
fn concurrent_batches_respect_the_device_limit() {
    block_on(async {
        let store = TestStore::new();
        let new = NewWorkspace {
            name: "acme".to_owned(),
            device_limit: Some(5),
        };
        let workspace = store
            .workspaces()
            .create(new, operator())
            .await
            .unwrap()
            .unwrap()
            .id;
        let acme = Writer {
            devices: store.devices(workspace),
            workspace,
            key: store.key(workspace).await,
            interface: devices_domain::Interface::Api,
        };
        // Concurrent requests share few transactions, which race for the last places.
        let requests = (0..8).map(|_| acme.create(vec![device(&[])]));
        let results = join_all(requests).await;
        let (stored, rejected): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((stored.len(), rejected.len()), (5, 3));
        for result in rejected {
            let Err(CreateError::Conflicts(conflicts)) = result else {
                panic!("expected conflicts, got {result:?}");
            };
            let reached = conflicts.device_limit.unwrap();
            assert_eq!((reached.limit, reached.held, reached.added), (5, 5, 1));
        }
        assert_eq!(store.database.count("devices"), 5);
    });
}

#[test]
fn lock_timeout_fails_only_the_batch_that_waits() {
    block_on(async {
        let store = TestStore::new().with_options(DatabaseOptions {
            lock_timeout: Duration::from_millis(300),
            ..options()
        });
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let mut other = store.database.connect();
        devices_tests::execute(&mut other, "BEGIN");
        let lock = format!("SELECT 1 FROM users WHERE workspace_id = 1 AND id = {user} FOR UPDATE");
        devices_tests::execute(&mut other, &lock);
        let requests = (0..20).map(|index| {
            let user = RawValue::Integer(user.0);
            let fields = (index == 10).then_some(("user_id", user));
            acme.create(vec![device_of(fields)])
        });
        let results = join_all(requests).await;
        for (index, result) in results.into_iter().enumerate() {
            match (index, result) {
                (10, Err(CreateError::Repository(RepositoryError::Unavailable(_)))) => {}
                (10, other) => panic!("{other:?}"),
                (_, stored) => assert_eq!(stored.unwrap().len(), 1),
            }
        }
        assert_eq!(store.database.count("devices"), 19);
    });
}

#[test]
fn each_key_of_a_group_is_found_or_not() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let repository = store.keys();
        for number in [1, 2] {
            repository
                .create(keys::key(acme, number), 100, operator())
                .await
                .unwrap();
        }
        let secrets = [1, 2, 3, 1, 2, 3, 1];
        let lookups = secrets
            .map(|number| repository.find_actor(acme, keys::key(acme, number).secret.sha256));
        let actors = join_all(lookups).await;
        let keys: Vec<_> = actors
            .into_iter()
            .map(|actor| actor.unwrap().map(|actor| actor.key.0))
            .collect();
        assert_eq!(
            keys,
            [Some(1), Some(2), None, Some(1), Some(2), None, Some(1)]
        );
    });
}
