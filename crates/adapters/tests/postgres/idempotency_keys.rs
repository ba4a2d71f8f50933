//! What is done once: attempts under an idempotency key.

use std::time::Duration;

use devices_adapters::postgres::purge_idempotency_keys;
use devices_domain::{
    CreateError, IdempotencyError, IdempotencyKey, IdempotentRequest, IdempotentResponse,
    NewDevice, RenderResponse, StoreResult, StoredResponse,
};

use crate::{TestStore, Writer, block_on, device};

fn attempt(fingerprint: u8) -> IdempotentRequest {
    IdempotentRequest {
        operation: "POST /devices",
        key: IdempotencyKey::parse("job-1").unwrap(),
        fingerprint: [fingerprint; 32],
    }
}

/// The devices' ids.
const TELL: RenderResponse = |_, stored| {
    let ids = stored.iter().map(|device| device.id.to_string());
    ids.collect::<Vec<_>>().join(",").into_bytes()
};

async fn make(
    writer: &Writer,
    attempt: IdempotentRequest,
    devices: Vec<NewDevice>,
) -> Result<IdempotentResponse, CreateError> {
    match writer.store(devices, Some((attempt, TELL))).await? {
        StoreResult::Response(outcome) => Ok(outcome),
        StoreResult::Devices(devices) => panic!("an attempt was made: {devices:?}"),
    }
}

fn outcome(answer: &str, replayed: bool) -> IdempotentResponse {
    IdempotentResponse {
        answer: answer.as_bytes().to_vec(),
        replayed,
    }
}

#[test]
fn an_attempt_is_carried_out_once_and_its_outcome_remembered() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let devices = || vec![device(&[("serial_number", "A1")]), device(&[])];
        let remembered = acme.devices.find_response(attempt(7)).await;
        assert_eq!(remembered.unwrap(), None);
        let first = make(&acme, attempt(7), devices()).await.unwrap();
        assert_eq!(first, outcome("1,2", false));
        let again = make(&acme, attempt(7), devices()).await.unwrap();
        assert_eq!(again, outcome("1,2", true));
        let remembered = acme.devices.find_response(attempt(7)).await;
        assert_eq!(
            remembered.unwrap(),
            Some(StoredResponse {
                fingerprint: [7; 32],
                answer: b"1,2".to_vec()
            })
        );
        assert_eq!(store.database.count("devices"), 2);
        assert_eq!(store.database.count("device_events"), 1);
    });
}

#[test]
fn a_key_that_was_used_for_something_else_is_refused() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        make(&acme, attempt(7), vec![device(&[])]).await.unwrap();
        let other = make(&acme, attempt(8), vec![device(&[])]).await;
        assert!(
            matches!(
                other,
                Err(CreateError::Idempotency(IdempotencyError::KeyReused))
            ),
            "{other:?}"
        );
        assert_eq!(store.database.count("devices"), 1);
    });
}

#[test]
fn the_same_key_is_another_one_in_another_workspace_and_for_another_operation() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        let elsewhere = IdempotentRequest {
            operation: "POST /elsewhere",
            ..attempt(9)
        };
        for (writer, attempt, answer) in [
            (&acme, attempt(7), "1"),
            (&globex, attempt(8), "2"),
            (&acme, elsewhere, "3"),
        ] {
            let made = make(writer, attempt, vec![device(&[])]).await.unwrap();
            assert_eq!(made, outcome(answer, false));
        }
    });
}

#[test]
fn an_attempt_that_is_refused_is_not_remembered() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[("serial_number", "A1")])])
            .await
            .unwrap();
        let taken = make(&acme, attempt(7), vec![device(&[("serial_number", "A1")])]).await;
        assert!(matches!(taken, Err(CreateError::Conflicts(_))), "{taken:?}");
        let free = make(&acme, attempt(8), vec![device(&[])]).await.unwrap();
        assert!(!free.replayed);
    });
}

#[test]
fn an_attempt_that_is_under_way_is_told_as_such_without_waiting_for_it() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        // The first attempt has its lock, and waits for this one to write its devices.
        let blocker = store.database.lock("devices");
        let first = acme.clone();
        let first = tokio::spawn(async move { make(&first, attempt(7), vec![device(&[])]).await });
        store.database.wait_for_blocked_statement();
        let second = make(&acme, attempt(7), vec![device(&[])]).await;
        assert!(
            matches!(
                second,
                Err(CreateError::Idempotency(IdempotencyError::InProgress))
            ),
            "{second:?}"
        );
        drop(blocker);
        assert_eq!(first.await.unwrap().unwrap(), outcome("1", false));
        let third = make(&acme, attempt(7), vec![device(&[])]).await.unwrap();
        assert_eq!(third, outcome("1", true));
    });
}

#[test]
fn outcomes_are_forgotten_when_they_are_old_and_not_before_however_many_they_are() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.execute(
            "INSERT INTO idempotency_keys (workspace_id, operation, key, fingerprint, outcome, created_at) \
             SELECT 1, 'POST /devices', n, repeat('x', 32)::bytea, '', now() - interval '73 hours' \
             FROM generate_series(1, 1234) AS n",
        );
        make(&acme, attempt(7), vec![device(&[])]).await.unwrap();
        let kept = Duration::from_secs(72 * 3_600);
        let forgotten = purge_idempotency_keys(&store.pool, kept).await.unwrap();
        assert_eq!(forgotten, 1_234);
        assert_eq!(
            store.database.texts("SELECT key FROM idempotency_keys"),
            ["job-1"]
        );
    });
}
