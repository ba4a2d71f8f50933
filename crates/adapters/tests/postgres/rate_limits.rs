//! [`RateLimiter`](devices_domain::RateLimiter).

use devices_domain::{Actor, RateLimiter, Scope};

use crate::{TestStore, Writer, block_on};

fn actor(writer: &Writer) -> Actor {
    Actor {
        workspace: writer.workspace,
        key: writer.key,
        scope: Scope::Write,
    }
}

/// Simulates the passage of time: sets the last refill of all buckets back.
fn advance(store: &TestStore, seconds: u32) {
    store.database.execute(&format!(
        "UPDATE rate_limits SET refilled_at = refilled_at - interval '{seconds} seconds'"
    ));
}

#[test]
fn request_over_the_limit_is_rejected() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let limiter = store.limiter();
        for left in (0..5).rev() {
            let decision = limiter.take(actor(&acme), 5).await.unwrap();
            assert!(decision.is_allowed);
            assert_eq!(decision.remaining.floor(), f64::from(left));
        }
        for _ in 0..2 {
            let decision = limiter.take(actor(&acme), 5).await.unwrap();
            assert!(!decision.is_allowed);
            assert!(decision.remaining < 1.0, "{decision:?}");
        }
    });
}

#[test]
fn bucket_refills_evenly_up_to_the_limit() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let limiter = store.limiter();
        let take_all = async || {
            let mut count = 0;
            while limiter.take(actor(&acme), 5).await.unwrap().is_allowed {
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
        let limiter = store.limiter();
        assert!(limiter.take(actor(&acme), 1).await.unwrap().is_allowed);
        assert!(!limiter.take(actor(&acme), 1).await.unwrap().is_allowed);
        assert!(limiter.take(actor(&globex), 1).await.unwrap().is_allowed);
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
                tokio::spawn(async move { limiter.take(actor, 10).await.unwrap().is_allowed })
            })
            .collect();
        let mut passed = 0;
        for task in tasks {
            passed += u32::from(task.await.unwrap());
        }
        // A bucket of ten tokens gets a new one every six seconds.
        assert!((10..=11).contains(&passed), "{passed}");
    });
}
