//! [`RateLimiter`](devices_domain::RateLimiter).

use std::num::NonZeroU32;

use devices_domain::{Actor, KeyId, RateLimiter, RateLimits, Scope, TokenBucket};

use crate::{TestStore, Writer, block_on};

fn actor(writer: &Writer) -> Actor {
    Actor {
        workspace: writer.workspace,
        key: writer.key,
        scope: Scope::Write,
    }
}

/// Limits per minute. 0 is no limit.
fn limits(key: u32, workspace: u32) -> RateLimits {
    RateLimits {
        key: NonZeroU32::new(key),
        workspace: NonZeroU32::new(workspace),
    }
}

/// Takes a token from the bucket of the key alone.
async fn take_of_key(store: &TestStore, writer: &Writer, per_minute: u32) -> TokenBucket {
    let limiter = store.limiter();
    let decision = limiter.take(actor(writer), limits(per_minute, 0));
    let decision = decision.await.unwrap();
    assert_eq!(decision.workspace, None);
    decision.key.unwrap()
}

/// Simulates the passage of time: sets the last refill of all buckets back.
fn advance(store: &TestStore, seconds: u32) {
    for table in ["rate_limits", "workspace_rate_limits"] {
        store.database.execute(&format!(
            "UPDATE {table} SET refilled_at = (refilled_at AT TIME ZONE 'UTC' \
             - interval '{seconds} seconds') AT TIME ZONE 'UTC'"
        ));
    }
}

#[test]
fn request_over_the_limit_is_rejected() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for left in (0..5).rev() {
            let bucket = take_of_key(&store, &acme, 5).await;
            assert!(bucket.is_allowed);
            assert_eq!(bucket.remaining.floor(), f64::from(left));
        }
        for _ in 0..2 {
            let bucket = take_of_key(&store, &acme, 5).await;
            assert!(!bucket.is_allowed);
            assert!(bucket.remaining < 1.0, "{bucket:?}");
        }
    });
}

#[test]
fn bucket_refills_evenly_up_to_the_limit() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let take_all = async || {
            let mut count = 0;
            while take_of_key(&store, &acme, 5).await.is_allowed {
                count += 1;
            }
            count
        };
        assert_eq!(take_all().await, 5);
        advance(&store, 24);
        assert_eq!(take_all().await, 2);
        advance(&store, 3_600);
        assert_eq!(take_all().await, 5);
    });
}

#[test]
fn each_key_has_its_own_bucket() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        assert!(take_of_key(&store, &acme, 1).await.is_allowed);
        assert!(!take_of_key(&store, &acme, 1).await.is_allowed);
        assert!(take_of_key(&store, &globex, 1).await.is_allowed);
    });
}

#[test]
fn keys_share_the_bucket_of_their_workspace() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let second_key = KeyId(acme.key.0 + 1_000);
        store.database.execute(&format!(
            "INSERT INTO api_keys (workspace_id, id, name, scope, secret_sha256) \
             SELECT workspace_id, {}, 'second', scope, sha256('second') FROM api_keys \
             WHERE id = {}",
            second_key.0, acme.key.0
        ));
        let globex = store.writer("globex").await;
        let limiter = store.limiter();
        let mut actor_of_second = actor(&acme);
        actor_of_second.key = second_key;
        let limits = limits(2, 3);
        for (actor, key_allowed, workspace_allowed) in [
            (actor(&acme), true, Some(true)),
            (actor(&acme), true, Some(true)),
            // The key is exhausted, which costs the workspace nothing.
            (actor(&acme), false, None),
            (actor_of_second, true, Some(true)),
            (actor_of_second, true, Some(false)),
            (actor(&globex), true, Some(true)),
        ] {
            let decision = limiter.take(actor, limits).await.unwrap();
            assert_eq!(decision.key.unwrap().is_allowed, key_allowed);
            let allowed = decision.workspace.map(|bucket| bucket.is_allowed);
            assert_eq!(allowed, workspace_allowed);
        }
        advance(&store, 30);
        let decision = limiter.take(actor_of_second, limits).await.unwrap();
        assert!(decision.workspace.unwrap().is_allowed);
    });
}

#[test]
fn workspace_limit_alone_needs_no_key_bucket() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let limiter = store.limiter();
        for is_allowed in [true, false] {
            let decision = limiter.take(actor(&acme), limits(0, 1)).await.unwrap();
            assert_eq!(decision.key, None);
            assert_eq!(decision.workspace.unwrap().is_allowed, is_allowed);
        }
    });
}

#[test]
fn concurrent_requests_stay_within_the_limit() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let (limiter, actor) = (store.limiter(), actor(&acme));
                let limits = limits(20, 10);
                tokio::spawn(async move { limiter.take(actor, limits).await.unwrap() })
            })
            .collect();
        let mut passed = 0;
        for task in tasks {
            passed += u32::from(task.await.unwrap().is_allowed());
        }
        // A bucket of ten tokens gets a new one every six seconds.
        assert!((10..=11).contains(&passed), "{passed}");
    });
}
