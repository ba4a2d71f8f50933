//! The device limit, when it changes, and how long batches wait for each other.

use devices_domain::{CreateError, WorkspaceRepository};
use devices_tests::execute;

use super::races::begin_rival;
use crate::{TestStore, Writer, block_on, device, operator};

impl TestStore {
    async fn set_limit(&self, writer: &Writer, limit: u32) {
        let workspaces = self.workspaces();
        let set = workspaces.set_device_limit(writer.workspace, Some(limit), operator());
        set.await.unwrap();
    }
}

#[test]
fn waiting_batch_blocks_no_other_batch() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for limit in [None, Some(100)] {
            if let Some(limit) = limit {
                store.set_limit(&acme, limit).await;
            }
            let mut rival = begin_rival(&store.database, "A1");
            let waiting = acme.clone();
            let waiting = tokio::spawn(async move {
                let batch = vec![device(&[("serial_number", "A1")])];
                waiting.create(batch).await
            });
            store.database.wait_for_blocked_statement();
            acme.create(vec![device(&[])]).await.unwrap();
            execute(&mut rival, "ROLLBACK");
            let created = waiting.await.unwrap().unwrap();
            acme.delete(created[0].id).await;
        }
    });
}

#[test]
fn new_limit_includes_batches_in_progress() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let mut rival = begin_rival(&store.database, "A1");
        let batch = acme.clone();
        let batch = tokio::spawn(async move {
            let devices = vec![device(&[("serial_number", "A1")]), device(&[])];
            batch.create(devices).await
        });
        store.database.wait_for_blocked_statement();
        // The batch has seen no limit, and waits at the unique index.
        let setting = async {
            store.set_limit(&acme, 1).await;
            store.database.count("devices")
        };
        let ending = async {
            // The command has set a limit that is never reached, and waits for the batch.
            store
                .database
                .wait_until("SELECT coalesce(device_limit, 0) = 2147483647 FROM workspaces");
            execute(&mut rival, "ROLLBACK");
            batch.await.unwrap().unwrap();
        };
        let (stored, ()) = futures_util::future::join(setting, ending).await;
        assert_eq!(stored, 2, "the command returned before the batch ended");
        let rejected = acme.conflicts(vec![device(&[])]).await;
        let reached = rejected.device_limit.unwrap();
        assert_eq!((reached.limit, reached.held, reached.added), (1, 2, 1));
    });
}

#[test]
fn batch_sees_limit_lowered_after_its_look_up() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.set_limit(&acme, 10).await;
        acme.create(vec![device(&[])]).await.unwrap();
        let mut rival = store.database.connect();
        execute(
            &mut rival,
            "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('device total', 1))",
        );
        let batch = acme.clone();
        let batch = tokio::spawn(async move { batch.create(vec![device(&[])]).await });
        // The batch has read the limit, and waits for the lock.
        store.database.wait_for_blocked_statement();
        store.set_limit(&acme, 1).await;
        execute(&mut rival, "COMMIT");
        let Err(CreateError::Conflicts(conflicts)) = batch.await.unwrap() else {
            panic!("the batch exceeds the limit");
        };
        assert_eq!(conflicts.device_limit.unwrap().held, 1);
        assert_eq!(store.database.count("devices"), 1);
    });
}

#[test]
fn first_limit_waits_for_no_later_batch() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let mut rival = store.database.connect();
        execute(&mut rival, "BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE");
        store.set_limit(&acme, 1).await;
        acme.create(vec![device(&[])]).await.unwrap();
        acme.conflicts(vec![device(&[])]).await;
    });
}
