//! Shares of the connections: no workspace can hold all of them.

use std::time::Duration;

use devices_adapters::postgres::{DatabaseOptions, PostgresKeys};
use devices_domain::{
    DeviceFilter, DeviceId, KeyRepository, Precondition, RawValue, RepositoryError,
};
use devices_tests::execute;
use tokio::task::JoinHandle;

use crate::{TestStore, Writer, block_on, device, options};

const POOL_SIZE: u32 = 10;
/// Connections that one workspace gets: half of those that are not reserved for key look-ups.
const SHARE: usize = 4;

/// Starts updates of a locked device: each holds a connection until the lock is released.
async fn block_updates(store: &TestStore, acme: &Writer, count: usize) -> Vec<JoinHandle<bool>> {
    let updates = (0..count).map(|number| {
        let acme = acme.clone();
        let comment = RawValue::text(number.to_string());
        let update = async move {
            acme.update(1, [("comment", comment)], Precondition::Any)
                .await
                .is_ok()
        };
        tokio::spawn(update)
    });
    let updates = updates.collect();
    while store.database.count_blocked_statements() < count.min(SHARE) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    updates
}

fn store_with_short_timeout() -> TestStore {
    TestStore::new().with_options(DatabaseOptions {
        pool_size: POOL_SIZE,
        pool_timeout: Duration::from_millis(500),
        ..options()
    })
}

#[test]
fn blocked_workspace_does_not_block_others() {
    block_on(async {
        let store = store_with_short_timeout();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        acme.create(vec![device(&[])]).await.unwrap();
        let mut lock = store.database.connect();
        execute(
            &mut lock,
            "BEGIN; SELECT id FROM devices WHERE workspace_id = 1 AND id = 1 FOR NO KEY UPDATE",
        );
        let updates = block_updates(&store, &acme, 30).await;
        // Its own requests wait for their share.
        let own = acme.devices.find(DeviceId(1)).await;
        assert!(matches!(own, Err(RepositoryError::Unavailable(_))));
        // Requests of the other workspace, key look-ups and jobs do not wait.
        globex.create(vec![device(&[])]).await.unwrap();
        assert_eq!(globex.list_ids(DeviceFilter::default()).await.len(), 1);
        let keys = PostgresKeys::new(store.pool.clone());
        let key = keys.find_actor(acme.workspace, [1; 32]).await.unwrap();
        assert_eq!(key.unwrap().key, acme.key);
        store.index_all().await;
        assert_eq!(store.database.count_blocked_statements(), SHARE);
        drop(lock);
        let mut updated = 0;
        for update in updates {
            updated += usize::from(update.await.unwrap());
        }
        // The others timed out while they waited for a connection.
        assert_eq!(updated, SHARE);
    });
}
