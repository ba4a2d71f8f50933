//! [`PostgresRetention`](devices_adapters::postgres::PostgresRetention).

use chrono::{TimeDelta, Utc};
use devices_adapters::postgres::{PostgresRetention, Purge, Purgeable};
use devices_domain::{Action, DeviceId, EventFilter, EventRepository, Precondition, WorkspaceId};

use crate::{TestStore, Writer, block_on, device, operator};

/// Purge of what is older than ten days.
fn purge(workspace: WorkspaceId, kind: Purgeable) -> Purge {
    Purge {
        workspace,
        kind,
        before: Utc::now() - TimeDelta::days(10),
    }
}

impl TestStore {
    fn retention(&self) -> PostgresRetention {
        PostgresRetention::new(self.administration.clone())
    }

    /// Purges everything of a kind. Returns the numbers of deleted and
    /// skipped objects.
    async fn purge(&self, workspace: WorkspaceId, kind: Purgeable) -> (usize, usize) {
        let retention = self.retention();
        let purge = purge(workspace, kind);
        let (mut deleted, mut skipped, mut cursor) = (0, 0, None);
        loop {
            let batch = retention.purge_batch(purge, cursor, 1, operator());
            let batch = batch.await.unwrap();
            deleted += batch.deleted;
            skipped += batch.skipped;
            cursor = batch.next;
            if cursor.is_none() {
                return (deleted, skipped);
            }
        }
    }

    async fn count_due(&self, workspace: WorkspaceId, kind: Purgeable) -> u64 {
        let retention = self.retention();
        let count = retention.count(purge(workspace, kind), None);
        count.await.unwrap()
    }
}

impl Writer {
    /// Creates devices, and archives them all at that age.
    async fn archive(&self, store: &TestStore, count: usize, age: &str) -> Vec<DeviceId> {
        let devices = (0..count).map(|_| device(&[])).collect();
        let created = self.create(devices).await.unwrap();
        let ids: Vec<DeviceId> = created.iter().map(|device| device.id).collect();
        for id in &ids {
            let deleted = self.devices.delete(*id, Precondition::Any, self.origin());
            deleted.await.unwrap();
            store.database.execute(&format!(
                "UPDATE devices SET deleted_at = now() - interval '{age}' WHERE id = {id}"
            ));
        }
        ids
    }
}

#[test]
fn purged_devices_leave_the_search_index() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let old = acme.archive(&store, 2, "11 days").await;
        acme.archive(&store, 1, "9 days").await;
        acme.create(vec![device(&[])]).await.unwrap();
        globex.archive(&store, 1, "11 days").await;
        store.database.execute("DELETE FROM search_queue");
        assert_eq!(store.count_due(acme.workspace, Purgeable::Devices).await, 2);
        assert_eq!(
            store.purge(acme.workspace, Purgeable::Devices).await,
            (2, 0)
        );
        assert_eq!(
            store.purge(acme.workspace, Purgeable::Devices).await,
            (0, 0)
        );
        // One archived and one active device of acme, and the one of globex.
        assert_eq!(store.database.count("devices"), 3);
        assert_eq!(store.database.count("search_documents"), 2);
        let filter = EventFilter {
            action: Some(Action::Purged),
            ..EventFilter::default()
        };
        let events = store.events().list(acme.workspace, filter).await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].device_ids, old);
    });
}

#[test]
fn queued_devices_are_kept() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.archive(&store, 2, "11 days").await;
        let indexed = acme.archive(&store, 1, "11 days").await[0];
        // The first batch is still in the queue of the index.
        store.database.execute(&format!(
            "DELETE FROM search_queue WHERE device_ids @> ARRAY[{indexed}::bigint]"
        ));
        assert_eq!(
            store.purge(acme.workspace, Purgeable::Devices).await,
            (1, 2)
        );
        store.database.execute("DELETE FROM search_queue");
        assert_eq!(
            store.purge(acme.workspace, Purgeable::Devices).await,
            (2, 0)
        );
        assert_eq!(store.database.count("search_documents"), 0);
    });
}

#[test]
fn users_of_archived_devices_are_kept() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let named = store.user(acme.workspace, "ada@example.com").await;
        store.user(acme.workspace, "grace@example.com").await;
        let recent = store.user(acme.workspace, "alan@example.com").await;
        let active = store.user(acme.workspace, "edsger@example.com").await;
        acme.archive(&store, 1, "11 days").await;
        store.database.execute(&format!(
            "UPDATE devices SET user_id = {named}; \
             UPDATE users SET deleted_at = now() - interval '11 days' WHERE id <> {active}; \
             UPDATE users SET deleted_at = now() WHERE id = {recent}; \
             DELETE FROM search_queue"
        ));
        assert_eq!(store.count_due(acme.workspace, Purgeable::Users).await, 1);
        let all = purge(acme.workspace, Purgeable::Users);
        let with_devices = store.retention().count(all, Some(all.before)).await;
        assert_eq!(with_devices.unwrap(), 2);
        assert_eq!(store.purge(acme.workspace, Purgeable::Users).await, (1, 0));
        store.purge(acme.workspace, Purgeable::Devices).await;
        assert_eq!(store.purge(acme.workspace, Purgeable::Users).await, (1, 0));
        let left = store.database.texts("SELECT id FROM users ORDER BY id");
        assert_eq!(left, [recent.to_string(), active.to_string()]);
    });
}

#[test]
fn old_events_are_purged_in_batches() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        store.database.execute(&format!(
            "INSERT INTO device_events (workspace_id, occurred_at, action, key_id, request_id, \
                                        device_ids) \
             SELECT {}, now() - interval '11 days' - number / 3 * interval '1 second', 'CREATED', \
                    {}, 'r', '{{1}}' FROM generate_series(1, 1200) AS number",
            acme.workspace, acme.key
        ));
        let kind = Purgeable::ChangeEvents;
        assert_eq!(store.count_due(acme.workspace, kind).await, 1_200);
        assert_eq!(store.purge(acme.workspace, kind).await, (1_200, 0));
        assert_eq!(store.database.count("device_events"), 1);
        let summary = store
            .database
            .texts("SELECT fields::text || item_count FROM audit_events WHERE action = 'PURGED'");
        assert_eq!(summary, ["{events}1"]);
        // The events of the workspace, its key and the purge are young.
        assert_eq!(
            store.purge(acme.workspace, Purgeable::AuditEvents).await,
            (0, 0)
        );
        store
            .database
            .execute("UPDATE audit_events SET occurred_at = now() - interval '11 days'");
        assert_eq!(
            store.purge(acme.workspace, Purgeable::AuditEvents).await,
            (3, 0)
        );
    });
}

#[test]
fn deleted_enrollments_are_purged() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        store.database.execute(&format!(
            "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status, \
                                      deleted_at) \
             SELECT {acme}, 'SN' || days, 'SN' || days, 'ENROLLED', now() - days * interval '1 day' \
             FROM unnest(ARRAY[1, 9, 11, 12]) AS days \
             UNION ALL SELECT {acme}, 'SN0', 'SN0', 'ENROLLED', NULL"
        ));
        assert_eq!(store.purge(acme, Purgeable::Enrollments).await, (2, 0));
        let left = "SELECT serial_number FROM devices_mdm ORDER BY id";
        assert_eq!(store.database.texts(left), ["SN1", "SN9", "SN0"]);
    });
}

#[test]
fn concurrent_purges_share_the_work() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        store.database.execute(&format!(
            "INSERT INTO users (workspace_id, email, email_folded, search_document, deleted_at) \
             SELECT {acme}, number || '@example.com', number || '@example.com', '', \
                    now() - interval '11 days' FROM generate_series(1, 3000) AS number"
        ));
        let purges = (0..3).map(|_| store.purge(acme, Purgeable::Users));
        let results = futures_util::future::join_all(purges).await;
        let deleted: usize = results.iter().map(|(deleted, _)| deleted).sum();
        assert_eq!(deleted, 3_000);
        assert_eq!(store.database.count("users"), 0);
        // The purged addresses are free.
        store.user(acme, "7@example.com").await;
    });
}

#[test]
fn locked_objects_are_skipped() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.archive(&store, 2, "11 days").await;
        store.database.execute("DELETE FROM search_queue");
        let mut restoring = store.database.connect();
        let lock = format!(
            "BEGIN; SELECT id FROM devices WHERE workspace_id = {} AND id = {} FOR UPDATE",
            acme.workspace.0, ids[0]
        );
        devices_tests::execute(&mut restoring, &lock);
        assert_eq!(
            store.purge(acme.workspace, Purgeable::Devices).await,
            (1, 0)
        );
        assert_eq!(store.database.count("devices"), 1);
    });
}
