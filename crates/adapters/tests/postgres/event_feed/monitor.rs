//! The ends and the lag of feeds, and feeds that are locked.

use std::time::Duration;

use devices_adapters::postgres::{DatabaseOptions, PostgresFeedMonitor};
use devices_domain::{FeedEnd, FeedError, FeedMonitor, RepositoryError, WorkspaceId};
use devices_tests::{NotOnCluster, execute};

use super::after;
use crate::{TestStore, Writer, block_on, options};

#[test]
fn monitor_finds_the_ends_of_feeds() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let monitor = PostgresFeedMonitor::new(store.pool.clone());
        let ends = || async {
            let workspaces = vec![acme.workspace, globex.workspace, WorkspaceId(99)];
            let mut ends = monitor.ends(workspaces).await.unwrap();
            ends.sort_by_key(|end| end.workspace);
            ends
        };
        acme.create_one().await;
        assert_eq!(ends().await, []);
        store.read_all(acme.workspace, None).await;
        store.read_all(globex.workspace, None).await;
        let end = |writer: &Writer, last_position, has_more| FeedEnd {
            workspace: writer.workspace,
            last_position,
            has_more,
        };
        let expected = [end(&acme, 1, false), end(&globex, 0, false)];
        assert_eq!(ends().await, expected);
        globex.create_one().await;
        let expected = [end(&acme, 1, false), end(&globex, 0, true)];
        assert_eq!(ends().await, expected);
        assert_eq!(monitor.ends(Vec::new()).await.unwrap(), []);
    });
}

#[test]
fn lag_is_the_age_of_the_oldest_unread_event() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let monitor = PostgresFeedMonitor::new(store.pool.clone());
        let hours = || async { monitor.lag().await.unwrap().as_secs() / 3_600 };
        acme.create_one().await;
        store.age_events("true");
        // Nobody reads this feed.
        assert_eq!(monitor.lag().await.unwrap(), Duration::ZERO);
        store.read_all(acme.workspace, None).await;
        assert_eq!(monitor.lag().await.unwrap(), Duration::ZERO);
        acme.create_one().await;
        store.database.execute(
            "UPDATE device_events SET occurred_at = now() - interval '3 hours' \
             WHERE feed_position IS NULL",
        );
        acme.create_one().await;
        assert_eq!(hours().await, 3);
        store
            .database
            .execute("UPDATE event_feeds SET read_at = now() - interval '25 hours'");
        assert_eq!(monitor.lag().await.unwrap(), Duration::ZERO);
        store.read_all(acme.workspace, None).await;
        assert_eq!(
            store
                .database
                .count("event_feeds WHERE read_at > now() - interval '1 hour'"),
            1
        );
    });
}

#[test]
fn locked_feed_is_unavailable_and_not_in_doubt() {
    block_on(async {
        let store = TestStore::new().with_options(DatabaseOptions {
            lock_timeout: Duration::from_millis(100),
            ..options()
        });
        let acme = store.writer("acme").await;
        store.read_all(acme.workspace, None).await;
        acme.create_one().await;
        let mut locked = store.database.connect();
        let lock = format!(
            "BEGIN; SELECT 1 FROM event_feeds WHERE workspace_id = {} FOR UPDATE",
            acme.workspace
        );
        execute(&mut locked, &lock);
        if NotOnCluster::ReadsServerOfTheRows.skips() {
            return;
        }
        let read = store.feed(acme.workspace).read(after(None, 10)).await;
        let error = read.unwrap_err();
        assert!(
            matches!(
                error,
                FeedError::Repository(RepositoryError::Unavailable(_))
            ),
            "{error:?}"
        );
        execute(&mut locked, "ROLLBACK");
        assert_eq!(store.read_all(acme.workspace, None).await.0.len(), 1);
    });
}
