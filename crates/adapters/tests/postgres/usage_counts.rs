//! Usage counts: the changes that transactions record, their merges, and recounts.

use std::sync::Arc;
use std::time::Duration;

use devices_adapters::postgres::{
    DatabaseOptions, merge_usage_changes, purge_idempotency_keys, recount_usage,
};
use devices_domain::{
    EnrollmentFields, EnrollmentReport, IdempotencyKey, IdempotentRequest, IdentifierKey,
    Precondition, RawRow, RawValue, RenderResponse, RepositoryError, SerialNumber, UnknownFields,
};

use crate::{TestStore, Writer, block_on, device, options};

/// Selects what the rows show, as `usage_counts` should.
const COUNTED: &str = "
    SELECT workspace_id, 'devices' AS resource, count(*) AS total FROM devices
    WHERE deleted_at IS NULL GROUP BY 1
    UNION ALL SELECT workspace_id, 'users', count(*) FROM users
    WHERE deleted_at IS NULL GROUP BY 1
    UNION ALL SELECT workspace_id, 'enrollments', count(*) FROM devices_mdm
    WHERE deleted_at IS NULL GROUP BY 1
    UNION ALL SELECT workspace_id, 'response_bytes', sum(octet_length(outcome))
    FROM idempotency_keys GROUP BY 1";

/// Selects what `usage_counts` and `usage_changes` show.
const RECORDED: &str = "
    SELECT workspace_id, resource, sum(change) AS total FROM (
        SELECT workspace_id, resource, count AS change FROM usage_counts
        UNION ALL SELECT workspace_id, resource, change FROM usage_changes
    ) AS change GROUP BY 1, 2 HAVING sum(change) <> 0";

impl TestStore {
    /// Fails if the recorded numbers differ from the rows. Returns the numbers.
    #[track_caller]
    fn assert_usage_is_exact(&self) -> Vec<String> {
        let read = |query: &str| {
            let mut numbers = self.database.texts(&format!(
                "SELECT concat_ws(' ', workspace_id, resource, total) FROM ({query}) AS row"
            ));
            numbers.sort();
            numbers
        };
        let counted = read(COUNTED);
        assert_eq!(read(RECORDED), counted);
        counted
    }

    async fn merge(&self) -> usize {
        merge_usage_changes(&self.pool).await.unwrap()
    }
}

fn report(writer: &Writer, status: &'static str) -> Arc<EnrollmentReport> {
    let mut row = RawRow::for_enrollment();
    row.set("status", RawValue::text(status));
    Arc::new(EnrollmentReport {
        serial_number: SerialNumber::from_trusted("A1"),
        fields: EnrollmentFields::from_row(&row, UnknownFields::Reject).unwrap(),
        origin: writer.origin(),
    })
}

fn idempotent(key: &str) -> IdempotentRequest {
    IdempotentRequest {
        operation: "POST /devices",
        key: IdempotencyKey::parse(key).unwrap(),
        fingerprint: [7; 32],
    }
}

const RENDER: RenderResponse = |_, _| b"a stored response".to_vec();

#[test]
fn every_change_is_recorded_once() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let created = acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        globex.create(vec![device(&[])]).await.unwrap();
        assert_eq!(
            store.assert_usage_is_exact(),
            ["1 devices 2", "2 devices 1"]
        );
        acme.devices
            .delete(created[0].id, Precondition::Any, acme.origin())
            .await
            .unwrap();
        assert_eq!(
            store.assert_usage_is_exact(),
            ["1 devices 1", "2 devices 1"]
        );
        for _ in 0..2 {
            acme.devices
                .restore(created[0].id, Precondition::Any, acme.origin())
                .await
                .unwrap();
            assert_eq!(
                store.assert_usage_is_exact(),
                ["1 devices 2", "2 devices 1"]
            );
        }

        let user = store.user(acme.workspace, "ada@example.com").await;
        assert_eq!(store.assert_usage_is_exact()[1], "1 users 1");
        let users = store.users(acme.workspace);
        users.delete(user, acme.origin()).await.unwrap();

        let enrollments = store.enrollments(acme.workspace);
        for status in ["PENDING", "ENROLLED"] {
            enrollments.put(report(&acme, status)).await.unwrap();
            assert_eq!(store.assert_usage_is_exact()[1], "1 enrollments 1");
        }
        let serial = IdentifierKey::new("A1");
        enrollments.delete(serial, acme.origin()).await.unwrap();
        assert_eq!(
            store.assert_usage_is_exact(),
            ["1 devices 2", "2 devices 1"]
        );
    });
}

#[test]
fn purged_responses_are_subtracted() {
    block_on(async {
        let store = TestStore::new();
        for name in ["acme", "globex"] {
            let writer = store.writer(name).await;
            for key in ["job-1", "job-2"] {
                let idempotency = Some((idempotent(key), RENDER));
                writer.store(vec![device(&[])], idempotency).await.unwrap();
            }
        }
        let usage = store.assert_usage_is_exact();
        assert_eq!(usage[1], "1 response_bytes 34");
        store.database.execute(
            "UPDATE idempotency_keys SET created_at = now() - interval '3 days' \
             WHERE workspace_id = 2 OR key = 'job-1'",
        );
        let day = Duration::from_secs(24 * 3_600);
        let purged = purge_idempotency_keys(&store.pool, day).await.unwrap();
        assert_eq!(purged, 3);
        let usage = store.assert_usage_is_exact();
        assert_eq!(usage, ["1 devices 2", "1 response_bytes 17", "2 devices 2"]);
    });
}

#[test]
fn concurrent_merges_lose_no_change() {
    block_on(async {
        let store = Arc::new(TestStore::new());
        let acme = store.writer("acme").await;
        let merges = [(), ()].map(|()| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..50 {
                    store.merge().await;
                }
            })
        });
        for _ in 0..50 {
            acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        }
        for merge in merges {
            merge.await.unwrap();
        }
        assert_eq!(store.assert_usage_is_exact(), ["1 devices 100"]);
        store.merge().await;
        assert_eq!(store.merge().await, 0);
        assert_eq!(store.database.count("usage_changes"), 0);
        assert_eq!(store.assert_usage_is_exact(), ["1 devices 100"]);
    });
}

#[test]
fn recount_corrects_unrecorded_rows() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        // As a server of the previous version does.
        store.database.execute("DELETE FROM usage_changes");
        store.merge().await;
        let day = Duration::from_secs(24 * 3_600);
        assert_eq!(recount_usage(&store.pool, day).await.unwrap(), 1);
        assert_eq!(store.assert_usage_is_exact(), ["1 devices 2"]);
        assert_eq!(recount_usage(&store.pool, day).await.unwrap(), 0);
    });
}

#[test]
fn recount_is_exact_during_batches() {
    block_on(async {
        let store = Arc::new(TestStore::new());
        let acme = store.writer("acme").await;
        let recounting = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..50 {
                    recount_usage(&store.pool, Duration::ZERO).await.unwrap();
                    store.merge().await;
                }
            })
        };
        let writers = [(), ()].map(|()| {
            let acme = acme.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let created = acme.create(vec![device(&[]), device(&[])]).await.unwrap();
                    acme.devices
                        .delete(created[0].id, Precondition::Any, acme.origin())
                        .await
                        .unwrap();
                }
            })
        });
        for writer in writers {
            writer.await.unwrap();
        }
        recounting.await.unwrap();
        assert_eq!(store.assert_usage_is_exact(), ["1 devices 100"]);
    });
}

#[test]
fn recount_of_a_locked_table_is_unavailable() {
    block_on(async {
        let store = TestStore::new().with_options(DatabaseOptions {
            lock_timeout: Duration::from_millis(50),
            ..options()
        });
        store.writer("acme").await;
        let _lock = store.database.lock("devices");
        let recounted = recount_usage(&store.pool, Duration::ZERO).await;
        assert!(matches!(recounted, Err(RepositoryError::Unavailable(_))));
    });
}
