//! Batches of a workspace that share a transaction.

use std::future::Future;
use std::time::Duration;

use devices_adapters::postgres::DatabaseOptions;
use devices_domain::{
    CreateError, IdempotencyError, IdempotencyKey, IdempotentRequest, NewWorkspace, RawValue,
    RepositoryError, StoreResult, UserId, WorkspaceRepository,
};
use futures_util::future::{join, join_all};

use crate::{TestStore, Writer, block_on, device, device_of, keys, options};

/// Does what is asked for in this order while two transactions of the workspace are held up, so that all of
/// it is done in the next one.
async fn together<T>(
    store: &TestStore,
    writer: &Writer,
    asked: impl IntoIterator<Item = impl Future<Output = T>>,
) -> Vec<T> {
    let held_up = store.database.lock("device_events");
    let first = (0..2).map(|_| {
        let writer = writer.clone();
        tokio::spawn(async move { writer.create(vec![device(&[])]).await })
    });
    let first: Vec<_> = first.collect();
    let blocked = "SELECT 'blocked' FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while store.database.texts(blocked).len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (answers, ()) = join(join_all(asked), async { drop(held_up) }).await;
    for stored in first {
        stored.await.unwrap().unwrap();
    }
    answers
}

/// How many transactions wrote the newest `batches` events.
fn transactions(store: &TestStore, batches: usize) -> usize {
    let newest = format!(
        "SELECT DISTINCT xmin::text FROM (SELECT xmin FROM device_events ORDER BY id DESC LIMIT {batches}) AS newest"
    );
    store.database.texts(&newest).len()
}

#[test]
fn each_batch_gets_its_own_verdict_as_if_they_came_one_after_the_other() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let old = acme.create(vec![device(&[("serial_number", "OLD")])]).await;
        let old = old.unwrap()[0].id;
        let nobody = RawValue::Integer(999);
        let batches = [
            vec![
                device(&[("serial_number", "A")]),
                device(&[("serial_number", "B")]),
            ],
            vec![device(&[]), device(&[("serial_number", "a")])],
            vec![device_of([("user_id", nobody)])],
            vec![device(&[("serial_number", "old")])],
            vec![device(&[("serial_number", "C")])],
        ];
        let asked = batches.map(|batch| acme.create(batch));
        let answers = together(&store, &acme, asked).await;
        let [one, same, unknown, taken, other] = answers.try_into().unwrap();
        let one = one.unwrap();
        let conflicts = |refused: Result<_, CreateError>| match refused {
            Err(CreateError::Conflicts(conflicts)) => *conflicts,
            other => panic!("no conflicts, but {other:?}"),
        };
        let same = conflicts(same);
        assert_eq!(
            same.taken_serial_numbers,
            [("A".to_owned(), one[0].id)].into()
        );
        assert!(same.unknown_users.is_empty());
        let unknown = conflicts(unknown);
        assert_eq!(unknown.unknown_users, [UserId(999)].into());
        assert!(unknown.taken_serial_numbers.is_empty());
        let taken = conflicts(taken);
        assert_eq!(taken.taken_serial_numbers, [("OLD".to_owned(), old)].into());
        let stored = store
            .database
            .texts("SELECT device_ids::text FROM device_events ORDER BY id DESC LIMIT 2");
        let of_one = format!("{{{},{}}}", one[0].id, one[1].id);
        assert_eq!(stored, [format!("{{{}}}", other.unwrap()[0].id), of_one]);
        assert_eq!(transactions(&store, 2), 1);
        assert_eq!(store.database.count("devices"), 6);
    });
}

#[test]
fn a_large_batch_hears_of_everything_at_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let old = acme.create(vec![device(&[("serial_number", "OLD")])]).await;
        let old = old.unwrap()[0].id;
        let mut devices: Vec<_> = (0..298).map(|_| device(&[])).collect();
        devices.push(device(&[("serial_number", "old")]));
        let of_nobody = device_of([("user_id", RawValue::Integer(999))]);
        let with_both = [devices.clone(), vec![of_nobody]].concat();
        let both = acme.conflicts(with_both).await;
        assert_eq!(both.taken_serial_numbers, [("OLD".to_owned(), old)].into());
        assert_eq!(both.unknown_users, [UserId(999)].into());
        let taken_alone = acme.conflicts(devices).await;
        assert_eq!(taken_alone.taken_serial_numbers, both.taken_serial_numbers);
        assert_eq!(store.database.count("devices"), 1);
    });
}

#[test]
fn an_idempotency_key_is_used_by_the_first_of_them() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let attempt = |key| IdempotentRequest {
            operation: "POST /devices",
            key: IdempotencyKey::parse(key).unwrap(),
            fingerprint: [7; 32],
        };
        let tell = |_: &_, stored: &[devices_domain::InsertedDevice]| {
            stored[0].id.to_string().into_bytes()
        };
        let asked = ["one", "two", "one"]
            .map(|key| acme.store(vec![device(&[])], Some((attempt(key), tell))));
        let answers = together(&store, &acme, asked).await;
        let [one, two, again] = answers.try_into().unwrap();
        let told = |stored| match stored {
            Ok(StoreResult::Response(outcome)) => outcome,
            other => panic!("no outcome, but {other:?}"),
        };
        let (one, two) = (told(one), told(two));
        assert_ne!(one.answer, two.answer);
        let under_way = CreateError::Idempotency(IdempotencyError::InProgress);
        assert_eq!(again.unwrap_err().to_string(), under_way.to_string());
        for (key, outcome) in [("one", one), ("two", two)] {
            let remembered = acme.devices.find_response(attempt(key)).await.unwrap();
            assert_eq!(remembered.unwrap().answer, outcome.answer);
        }
        assert_eq!(transactions(&store, 2), 1);
    });
}

#[test]
fn a_device_limit_stands_against_those_that_come_too_late() {
    block_on(async {
        let store = TestStore::new();
        let new = NewWorkspace {
            name: "acme".to_owned(),
            device_limit: Some(5),
        };
        let workspace = store.workspaces().create(new).await.unwrap().unwrap().id;
        let acme = Writer {
            devices: store.devices(workspace),
            workspace,
            key: store.key(workspace).await,
        };
        // Two transactions of a workspace with a limit wait for each other, so that they cannot be held up
        // alike; what is asked for at once is done by few all the same.
        let asked = (0..8).map(|_| acme.create(vec![device(&[])]));
        let answers = join_all(asked).await;
        let (stored, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((stored.len(), refused.len()), (5, 3));
        for refused in refused {
            let Err(CreateError::Conflicts(conflicts)) = refused else {
                panic!("no conflicts, but {refused:?}");
            };
            let reached = conflicts.device_limit.unwrap();
            assert_eq!((reached.limit, reached.held, reached.added), (5, 5, 1));
        }
        assert_eq!(store.database.count("devices"), 5);
    });
}

#[test]
fn what_one_of_them_waits_for_in_vain_is_no_others_fault() {
    block_on(async {
        let store = TestStore::new().with_options(DatabaseOptions {
            lock_timeout: Duration::from_millis(300),
            ..options()
        });
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let mut other = store.database.connect();
        devices_tests::execute(&mut other, "BEGIN");
        let lock = format!("SELECT 1 FROM users WHERE id = {user} FOR UPDATE");
        devices_tests::execute(&mut other, &lock);
        let asked = (0..20).map(|number| {
            let user = RawValue::Integer(user.0);
            let fields = (number == 10).then_some(("user_id", user));
            acme.create(vec![device_of(fields)])
        });
        let answers = join_all(asked).await;
        for (number, answer) in answers.into_iter().enumerate() {
            match (number, answer) {
                (10, Err(CreateError::Repository(RepositoryError::Unavailable(_)))) => {}
                (10, other) => panic!("{other:?}"),
                (_, stored) => assert_eq!(stored.unwrap().len(), 1),
            }
        }
        assert_eq!(store.database.count("devices"), 19);
    });
}

#[test]
fn keys_that_are_looked_up_together_are_each_found_or_not() {
    block_on(async {
        use devices_domain::KeyRepository;

        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let repository = store.keys();
        for number in [1, 2] {
            repository
                .create(keys::key(acme, number), 100)
                .await
                .unwrap();
        }
        let secrets = [1, 2, 3, 1, 2, 3, 1];
        let asked = secrets
            .map(|number| repository.find_actor(acme, keys::key(acme, number).secret.sha256));
        let found = join_all(asked).await;
        let found: Vec<_> = found
            .into_iter()
            .map(|found| found.unwrap().map(|actor| actor.key.0))
            .collect();
        assert_eq!(
            found,
            [Some(1), Some(2), None, Some(1), Some(2), None, Some(1)]
        );
    });
}
