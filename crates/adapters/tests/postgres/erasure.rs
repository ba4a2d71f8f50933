//! [`PostgresErasure`](devices_adapters::postgres::PostgresErasure).

use devices_adapters::postgres::{EraseError, ErasedTraces, PostgresErasure, UserSelector};
use devices_domain::{RawValue, UserId, WorkspaceId};

use crate::{TestStore, Writer, block_on, device, device_of, operator};

impl TestStore {
    fn erasure(&self) -> PostgresErasure {
        PostgresErasure::new(self.administration.clone())
    }

    async fn erase(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        unassigns: bool,
    ) -> Result<ErasedTraces, EraseError> {
        let erasure = self.erasure();
        let found = erasure.find(workspace, UserSelector::Id(user)).await;
        let found = found.unwrap().remove(0);
        erasure
            .erase(workspace, &found, unassigns, operator())
            .await
    }

    /// Creates devices that are assigned to the user, in one batch.
    async fn assign(&self, writer: &Writer, user: UserId, count: usize) {
        let fields = [("user_id", RawValue::Integer(user.0))];
        let devices = (0..count).map(|_| device_of(fields.clone())).collect();
        writer.create(devices).await.unwrap();
    }
}

#[test]
fn queued_devices_lose_the_user() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let grace = store.user(acme.workspace, "grace@example.com").await;
        store.assign(&acme, ada, 2).await;
        store.assign(&acme, grace, 1).await;
        acme.create(vec![device(&[])]).await.unwrap();
        // No job of this test indexes them.
        let queued = "SELECT string_agg(user_ids::text, ' ' ORDER BY id) FROM search_queue";
        assert_eq!(
            store.database.texts(queued),
            [format!("{{{ada},{ada}}} {{{grace}}} {{NULL}}")]
        );
        let erased = store.erase(acme.workspace, ada, true).await.unwrap();
        assert_eq!(erased.active_devices, 2);
        assert_eq!(
            store.database.texts(queued),
            [format!("{{NULL,NULL}} {{{grace}}} {{NULL}}")]
        );
        let users = store.database.texts("SELECT id FROM users");
        assert_eq!(users, [grace.to_string()]);
    });
}

#[test]
fn device_that_is_being_indexed_loses_the_user() {
    let store = TestStore::new();
    let (acme, ada) = block_on(async {
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        store.assign(&acme, ada, 1).await;
        (acme, ada)
    });
    // A job that has reserved the queue, and read the entry.
    let mut job = store.database.connect();
    let reserve = format!(
        "BEGIN; SELECT pg_advisory_xact_lock({}, hashint8({}))",
        0x1dec, acme.workspace
    );
    devices_tests::execute(&mut job, &reserve);
    let index = || {
        store.database.wait_for_blocked_statement();
        devices_tests::execute(
            &mut job,
            "INSERT INTO search_documents \
                     (workspace_id, device_id, user_id, is_archived, document) \
                 SELECT workspace_id, device_ids[1], user_ids[1], false, documents[1] \
                 FROM search_queue; \
                 DELETE FROM search_queue; COMMIT",
        );
    };
    let erased = std::thread::scope(|scope| {
        scope.spawn(index);
        block_on(store.erase(acme.workspace, ada, true))
    });
    assert_eq!(erased.unwrap().active_devices, 1);
    assert_eq!(
        store
            .database
            .count("search_documents WHERE user_id IS NULL"),
        1
    );
}

#[test]
fn many_devices_are_released_in_batches() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        store.assign(&acme, ada, 1_000).await;
        store
            .database
            .execute("UPDATE devices SET deleted_at = now() WHERE id <= 500");
        let erased = store.erase(acme.workspace, ada, true).await.unwrap();
        let expected = ErasedTraces {
            active_devices: 500,
            archived_devices: 500,
            ..ErasedTraces::default()
        };
        assert_eq!(erased, expected);
        assert_eq!(store.database.count("devices WHERE user_id IS NOT NULL"), 0);
        let events = "audit_events WHERE cardinality(device_ids) = 500";
        assert_eq!(store.database.count(events), 2);
    });
}

#[test]
fn interrupted_erasure_continues() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        store.assign(&acme, ada, 2).await;
        // The state after the first transaction: one device is released, and the user is deleted.
        store.database.execute(
            "UPDATE devices SET user_id = NULL WHERE id = 1; \
             UPDATE devices SET deleted_at = now() WHERE id = 2; \
             UPDATE users SET deleted_at = now()",
        );
        let erased = store.erase(acme.workspace, ada, false).await.unwrap();
        assert_eq!((erased.active_devices, erased.archived_devices), (0, 1));
        assert_eq!(store.database.count("users"), 0);
        let erasure = store.erasure();
        assert!(erasure.was_erased(acme.workspace, ada).await.unwrap());
    });
}

#[test]
fn user_of_another_workspace_is_not_found() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let ada = store.user(globex.workspace, "ada@example.com").await;
        let erasure = store.erasure();
        let found = erasure.find(acme.workspace, UserSelector::Id(ada)).await;
        assert_eq!(found.unwrap(), []);
        store.erase(globex.workspace, ada, false).await.unwrap();
        assert!(!erasure.was_erased(acme.workspace, ada).await.unwrap());
    });
}

#[test]
fn user_with_devices_is_kept() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        store.assign(&acme, ada, 1).await;
        let refused = store.erase(acme.workspace, ada, false).await;
        assert!(
            matches!(refused, Err(EraseError::HasDevices)),
            "{refused:?}"
        );
        let kept = format!("devices WHERE user_id = {ada}");
        assert_eq!(store.database.count(&kept), 1);
        assert_eq!(store.database.count("users WHERE deleted_at IS NULL"), 1);
    });
}

#[test]
fn assignment_races_with_erasure() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for round in 0..20 {
            let address = format!("ada{round}@example.com");
            let ada = store.user(acme.workspace, &address).await;
            let assign = {
                let writer = acme.clone();
                let fields = [("user_id", RawValue::Integer(ada.0))];
                let device = device_of(fields);
                tokio::spawn(async move { writer.create(vec![device]).await.is_ok() })
            };
            let erased = store.erase(acme.workspace, ada, round % 2 == 0).await;
            let is_assigned = assign.await.unwrap();
            let exists = store.database.count(&format!("users WHERE id = {ada}")) == 1;
            let devices = store
                .database
                .count(&format!("devices WHERE user_id = {ada}"));
            match erased {
                Ok(traces) => {
                    assert!(!exists);
                    assert_eq!(traces.active_devices, usize::from(is_assigned));
                    assert_eq!(devices, 0);
                }
                Err(EraseError::HasDevices) => {
                    assert!(exists && is_assigned);
                    assert_eq!(devices, 1);
                }
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn serving_role_cannot_erase() {
    block_on(async {
        let store = TestStore::new();
        let serving = PostgresErasure::new(store.pool.clone());
        assert!(serving.check_privileges().await.is_err());
        assert!(store.erasure().check_privileges().await.is_ok());
    });
}

#[test]
fn vacuum_removes_statistics() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        store.user(acme.workspace, "grace@example.com").await;
        store.database.execute("ANALYZE users");
        let statistics = "pg_stats WHERE histogram_bounds::text LIKE '%ada@example.com%'";
        assert_ne!(store.database.count_on_all_nodes(statistics), 0);
        store.erase(acme.workspace, ada, false).await.unwrap();
        store.erasure().vacuum().await.unwrap();
        assert_eq!(store.database.count_on_all_nodes(statistics), 0);
    });
}
