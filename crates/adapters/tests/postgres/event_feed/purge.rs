//! Cursors that expire.

use devices_domain::FeedCursor;

use super::after;
use crate::{TestStore, block_on};

#[test]
fn purge_expires_the_cursors_before_it() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..3 {
            acme.create_one().await;
        }
        let first = store.read(acme.workspace, after(None, 1)).await.cursor;
        let second = store
            .read(acme.workspace, after(Some(first), 1))
            .await
            .cursor;
        store.read_all(acme.workspace, None).await;
        store.age_events("feed_position <= 2");
        assert_eq!(store.purge_events(acme.workspace).await, 2);
        store
            .assert_expired(acme.workspace, FeedCursor::START)
            .await;
        store.assert_expired(acme.workspace, first).await;
        // This reader has missed nothing.
        assert_eq!(
            store.read_all(acme.workspace, Some(second)).await.0.len(),
            1
        );
        let (from_start, end) = store.read_all(acme.workspace, None).await;
        assert_eq!(from_start.len(), 1);
        acme.create_one().await;
        assert_eq!(store.read_all(acme.workspace, Some(end)).await.0.len(), 1);
    });
}

#[test]
fn purge_of_unread_events_expires_the_last_cursor() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create_one().await;
        let (_, end) = store.read_all(acme.workspace, None).await;
        acme.create_one().await;
        store.age_events("feed_position IS NULL");
        assert_eq!(store.purge_events(acme.workspace).await, 1);
        store.assert_expired(acme.workspace, end).await;
        // Nothing has read this feed, or purged its events, before the purge.
        let globex = store.writer("globex").await;
        globex.create_one().await;
        store.age_events("true");
        assert_eq!(store.purge_events(globex.workspace).await, 1);
        store
            .assert_expired(globex.workspace, FeedCursor::START)
            .await;
        globex.create_one().await;
        let (events, end) = store.read_all(globex.workspace, None).await;
        assert_eq!(events.len(), 1);
        assert_eq!(store.read_all(globex.workspace, Some(end)).await.0, []);
    });
}

#[test]
fn restored_backup_expires_later_cursors() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..2 {
            acme.create_one().await;
        }
        let first = store.read(acme.workspace, after(None, 1)).await.cursor;
        let (_, end) = store.read_all(acme.workspace, None).await;
        // The state before the second event.
        store.database.execute(
            "DELETE FROM device_events WHERE feed_position = 2; \
             UPDATE event_feeds SET last_position = 1",
        );
        store.assert_expired(acme.workspace, end).await;
        // Other events take the same positions.
        for _ in 0..2 {
            acme.create_one().await;
        }
        assert_eq!(store.read_all(acme.workspace, Some(first)).await.0.len(), 2);
        store.assert_expired(acme.workspace, end).await;
        // The state before the first read.
        store
            .database
            .execute("UPDATE device_events SET feed_position = NULL; DELETE FROM event_feeds");
        store.assert_expired(acme.workspace, first).await;
        assert_eq!(
            store
                .read_all(acme.workspace, Some(FeedCursor::START))
                .await
                .0
                .len(),
            3
        );
    });
}
