//! Requests with an idempotency key.

use std::time::Duration;

use devices_adapters::postgres::purge_idempotency_keys;
use devices_domain::{
    CreateError, IdempotencyError, IdempotencyKey, IdempotentRequest, IdempotentResponse,
    NewDevice, RenderResponse, StoreResult, StoredResponse,
};

use crate::{TestStore, Writer, block_on, device};

fn request(fingerprint: u8) -> IdempotentRequest {
    IdempotentRequest {
        operation: "POST /devices",
        key: IdempotencyKey::parse("job-1").unwrap(),
        fingerprint: [fingerprint; 32],
    }
}

/// Renders the ids of the devices.
const RENDER_IDS: RenderResponse = |_, devices| {
    let ids = devices.iter().map(|device| device.id.to_string());
    ids.collect::<Vec<_>>().join(",").into_bytes()
};

async fn create(
    writer: &Writer,
    request: IdempotentRequest,
    devices: Vec<NewDevice>,
) -> Result<IdempotentResponse, CreateError> {
    match writer.store(devices, Some((request, RENDER_IDS))).await? {
        StoreResult::Response(response) => Ok(response),
        devices @ StoreResult::Devices { .. } => panic!("unexpected {devices:?}"),
    }
}

/// Asserts that a request stored a batch and returned this body.
fn assert_stored(response: &IdempotentResponse, body: &str) {
    assert_eq!(response.body, body.as_bytes());
    assert!(response.batch.is_some());
    assert!(!response.replayed);
}

/// Returns the replay of a response.
fn replay(first: &IdempotentResponse) -> IdempotentResponse {
    IdempotentResponse {
        replayed: true,
        ..first.clone()
    }
}

#[test]
fn second_request_replays_the_response() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let devices = || vec![device(&[("serial_number", "A1")]), device(&[])];
        let stored = acme.devices.find_response(request(7)).await;
        assert_eq!(stored.unwrap(), None);
        let first = create(&acme, request(7), devices()).await.unwrap();
        assert_stored(&first, "1,2");
        let second = create(&acme, request(7), devices()).await.unwrap();
        assert_eq!(second, replay(&first));
        let stored = acme.devices.find_response(request(7)).await;
        assert_eq!(
            stored.unwrap(),
            Some(StoredResponse {
                fingerprint: [7; 32],
                body: b"1,2".to_vec(),
                batch: first.batch,
            })
        );
        let event = store.database.texts("SELECT id FROM device_events");
        assert_eq!(event, [first.batch.unwrap().to_string()]);
        assert_eq!(store.database.count("devices"), 2);
        assert_eq!(store.database.count("device_events"), 1);
    });
}

#[test]
fn key_with_another_fingerprint_is_rejected() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        create(&acme, request(7), vec![device(&[])]).await.unwrap();
        let reused = create(&acme, request(8), vec![device(&[])]).await;
        assert!(
            matches!(
                reused,
                Err(CreateError::Idempotency(IdempotencyError::KeyReused))
            ),
            "{reused:?}"
        );
        assert_eq!(store.database.count("devices"), 1);
    });
}

#[test]
fn key_is_scoped_to_workspace_and_operation() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        let other_operation = IdempotentRequest {
            operation: "POST /elsewhere",
            ..request(9)
        };
        for (writer, request) in [
            (&acme, request(7)),
            (&globex, request(8)),
            (&acme, other_operation),
        ] {
            let created = create(writer, request, vec![device(&[])]).await.unwrap();
            assert!(!created.replayed);
        }
        assert_eq!(store.database.count("devices"), 3);
    });
}

#[test]
fn rejected_request_stores_no_response() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[("serial_number", "A1")])])
            .await
            .unwrap();
        let taken = create(&acme, request(7), vec![device(&[("serial_number", "A1")])]).await;
        assert!(matches!(taken, Err(CreateError::Conflicts(_))), "{taken:?}");
        let valid = create(&acme, request(8), vec![device(&[])]).await.unwrap();
        assert!(!valid.replayed);
    });
}

#[test]
fn concurrent_request_is_rejected_at_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        // The first request holds its advisory lock, and waits for the table lock to insert its
        // devices.
        let table_lock = store.database.lock("devices");
        let first = acme.clone();
        let first =
            tokio::spawn(async move { create(&first, request(7), vec![device(&[])]).await });
        store.database.wait_for_blocked_statement();
        let second = create(&acme, request(7), vec![device(&[])]).await;
        assert!(
            matches!(
                second,
                Err(CreateError::Idempotency(IdempotencyError::InProgress))
            ),
            "{second:?}"
        );
        drop(table_lock);
        let first = first.await.unwrap().unwrap();
        assert_stored(&first, "1");
        let third = create(&acme, request(7), vec![device(&[])]).await.unwrap();
        assert_eq!(third, replay(&first));
    });
}

#[test]
fn purge_deletes_only_expired_responses() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.execute(
            "INSERT INTO idempotency_keys \
                 (workspace_id, operation, key, fingerprint, outcome, created_at) \
             SELECT 1, 'POST /devices', n, repeat('x', 32)::bytea, '', now() - interval '73 hours' \
             FROM generate_series(1, 1234) AS n",
        );
        create(&acme, request(7), vec![device(&[])]).await.unwrap();
        let retention = Duration::from_secs(72 * 3_600);
        let purged = purge_idempotency_keys(&store.pool, retention)
            .await
            .unwrap();
        assert_eq!(purged, 1_234);
        assert_eq!(
            store.database.texts("SELECT key FROM idempotency_keys"),
            ["job-1"]
        );
    });
}
