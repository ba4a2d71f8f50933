//! [`PostgresWorkspaceDeletion`](devices_adapters::postgres::PostgresWorkspaceDeletion).

use std::collections::BTreeSet;

use devices_adapters::postgres::PostgresWorkspaceDeletion;
use devices_domain::{RepositoryError, WorkspaceId};
use devices_tests::{TestDatabase, execute};

use crate::{TestStore, block_on, device, operator};

impl TestStore {
    fn deletion(&self) -> PostgresWorkspaceDeletion {
        PostgresWorkspaceDeletion::new(self.administration.clone())
    }

    async fn delete_workspace(&self, workspace: WorkspaceId) -> Result<u64, RepositoryError> {
        self.deletion().delete(workspace, operator(), |_| {}).await
    }

    /// Returns the tables that have rows of a workspace.
    fn tables_of(&self, workspace: WorkspaceId) -> Vec<&'static str> {
        let has_rows = |table: &&str| {
            let rows = format!("{table} WHERE workspace_id = {workspace}");
            self.database.count(&rows) > 0
        };
        let tables = PostgresWorkspaceDeletion::tables().into_iter();
        tables.filter(has_rows).collect()
    }
}

#[test]
fn deletion_covers_every_tenant_table() {
    let database = TestDatabase::new();
    let tables = database.texts(
        "SELECT table_name::text FROM information_schema.columns
         JOIN information_schema.tables USING (table_catalog, table_schema, table_name)
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
           AND column_name = 'workspace_id'",
    );
    let expected: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
    let deleted = PostgresWorkspaceDeletion::tables();
    assert_eq!(deleted.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert_eq!(deleted.len(), expected.len());
}

#[test]
fn deletion_of_many_rows_keeps_other_workspaces() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        for writer in [&acme, &globex] {
            let devices = (0..600).map(|_| device(&[])).collect();
            writer.create(devices).await.unwrap();
        }
        let kept = store.tables_of(globex.workspace);
        let mut batches = 0;
        let deletion = store.deletion();
        let deleted = deletion.delete(acme.workspace, operator(), |_| batches += 1);
        let deleted = deleted.await.unwrap();
        assert!(deleted >= 600 && batches > 15, "{deleted} in {batches}");
        assert_eq!(store.tables_of(acme.workspace), Vec::<&str>::new());
        assert_eq!(store.tables_of(globex.workspace), kept);
        assert_eq!(store.database.count("devices"), 600);
        assert_eq!(
            store.database.texts("SELECT name FROM workspaces"),
            ["globex"]
        );
    });
}

#[test]
fn key_that_is_being_created_is_revoked() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        // A request that creates a key, and has not committed yet.
        let mut request = store.database.connect();
        let create = format!(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('api keys', {acme})); \
             INSERT INTO api_keys (workspace_id, name, scope, secret_sha256, secret_prefix) \
             VALUES ({acme}, 'late', 'WRITE', sha256('late'), 'fdk_1_wxyz')"
        );
        execute(&mut request, &create);
        let deletion = store.deletion();
        let revocation = tokio::spawn(async move { deletion.revoke_keys(acme, operator()).await });
        while store.database.count_blocked_statements() < 1 {
            tokio::task::yield_now().await;
        }
        execute(&mut request, "COMMIT");
        revocation.await.unwrap().unwrap();
        assert_eq!(store.database.count("api_keys WHERE revoked_at IS NULL"), 0);
    });
}

#[test]
fn event_count_includes_lower_ids_of_open_transactions() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let event = format!(
            "INSERT INTO audit_events (workspace_id, action, operator) \
             VALUES ({acme}, 'UPDATED', 'operator')"
        );
        let before = store.deletion().settled_event_count(acme).await.unwrap();
        let mut writer = store.database.connect();
        execute(&mut writer, &format!("BEGIN; {event}"));
        store.database.execute(&event);
        let deletion = store.deletion();
        let count = tokio::spawn(async move { deletion.settled_event_count(acme).await });
        let waits = "pg_stat_activity WHERE query LIKE '%virtualtransaction = ANY%' \
                     AND datname = current_database() AND pid <> pg_backend_pid()";
        while store.database.count(waits) == 0 {
            tokio::task::yield_now().await;
        }
        execute(&mut writer, "COMMIT");
        assert_eq!(count.await.unwrap().unwrap(), before + 2);
    });
}

#[test]
fn interrupted_deletion_continues() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.user(acme.workspace, "ada@example.com").await;
        acme.create(vec![device(&[])]).await.unwrap();
        let deletion = store.deletion();
        assert!(!deletion.has_begun(acme.workspace).await.unwrap());
        let lock = store.database.lock("users");
        let error = store.delete_workspace(acme.workspace).await.unwrap_err();
        assert!(matches!(error, RepositoryError::Unavailable(_)), "{error}");
        drop(lock);
        assert!(deletion.has_begun(acme.workspace).await.unwrap());
        assert_eq!(
            (
                store.database.count("devices"),
                store.database.count("users")
            ),
            (0, 1)
        );
        store.delete_workspace(acme.workspace).await.unwrap();
        assert_eq!(store.tables_of(acme.workspace), Vec::<&str>::new());
        assert_eq!(store.database.count("workspaces"), 0);
    });
}
