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

/// Puts the bucket's clock back.
fn wait(store: &TestStore, seconds: u32) {
    store.database.execute(&format!(
        "UPDATE rate_limits SET refilled_at = refilled_at - interval '{seconds} seconds'"
    ));
}

#[test]
fn a_key_may_ask_as_often_as_it_may_in_a_minute_and_no_more() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let limiter = store.limiter();
        for left in (0..5).rev() {
            let allowance = limiter.take(actor(&acme), 5).await.unwrap();
            assert!(allowance.passed);
            assert_eq!(allowance.left.floor(), f64::from(left));
        }
        for _ in 0..2 {
            let allowance = limiter.take(actor(&acme), 5).await.unwrap();
            assert!(!allowance.passed);
            assert!(allowance.left < 1.0, "{allowance:?}");
        }
    });
}

#[test]
fn what_was_taken_comes_back_evenly_and_never_more() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let limiter = store.limiter();
        let take_all = async || {
            let mut taken = 0;
            while limiter.take(actor(&acme), 5).await.unwrap().passed {
                taken += 1;
            }
            taken
        };
        assert_eq!(take_all().await, 5);
        wait(&store, 24);
        assert_eq!(take_all().await, 2);
        wait(&store, 3_600);
        assert_eq!(take_all().await, 5);
    });
}

#[test]
fn keys_do_not_take_from_each_other() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        let limiter = store.limiter();
        assert!(limiter.take(actor(&acme), 1).await.unwrap().passed);
        assert!(!limiter.take(actor(&acme), 1).await.unwrap().passed);
        assert!(limiter.take(actor(&globex), 1).await.unwrap().passed);
    });
}

#[test]
fn of_many_that_take_at_once_no_more_pass_than_may() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let taking: Vec<_> = (0..40)
            .map(|_| {
                let (limiter, actor) = (store.limiter(), actor(&acme));
                tokio::spawn(async move { limiter.take(actor, 10).await.unwrap().passed })
            })
            .collect();
        let mut passed = 0;
        for one in taking {
            passed += u32::from(one.await.unwrap());
        }
        // A bucket of ten gets a new one every six seconds.
        assert!((10..=11).contains(&passed), "{passed}");
    });
}
