use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;

const ACME: WorkspaceId = WorkspaceId(1);
const GLOBEX: WorkspaceId = WorkspaceId(2);
const INITECH: WorkspaceId = WorkspaceId(3);

/// Takes permits until none is available.
async fn take_all(semaphore: &Arc<FairSemaphore>, purpose: Purpose) -> Vec<Permit> {
    let mut permits = Vec::new();
    while semaphore.state().is_available(purpose) {
        permits.push(semaphore.acquire(purpose).await.unwrap());
    }
    permits
}

/// Waits for a permit in the background.
async fn wait(semaphore: &Arc<FairSemaphore>, purpose: Purpose) -> JoinHandle<Permit> {
    let semaphore = Arc::clone(semaphore);
    let waiting = tokio::spawn(async move { semaphore.acquire(purpose).await.unwrap() });
    tokio::task::yield_now().await;
    waiting
}

/// Returns which of the waiters have a permit.
async fn served<const N: usize>(waiters: [&JoinHandle<Permit>; N]) -> [bool; N] {
    // Runs the tasks that can proceed.
    tokio::time::sleep(Duration::from_millis(1)).await;
    waiters.map(JoinHandle::is_finished)
}

#[tokio::test(start_paused = true)]
async fn each_workspace_leaves_permits_to_others() {
    let semaphore = FairSemaphore::new(10);
    let mut permits = Vec::new();
    for id in 1..=5 {
        permits.push(take_all(&semaphore, Purpose::Request(WorkspaceId(id))).await);
    }
    let counts: Vec<usize> = permits.iter().map(Vec::len).collect();
    assert_eq!(counts, [4, 2, 1, 1, 0]);
    // The last two are reserved.
    assert_eq!(take_all(&semaphore, Purpose::Job).await.len(), 0);
    assert_eq!(take_all(&semaphore, Purpose::KeyLookup).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn workspace_holds_at_most_half_of_the_permits() {
    for permits in 1..=100 {
        let semaphore = FairSemaphore::new(permits);
        let acme = take_all(&semaphore, Purpose::Request(ACME)).await;
        assert!((1..=permits.div_ceil(2)).contains(&acme.len()), "{permits}");
    }
}

#[tokio::test(start_paused = true)]
async fn queries_leave_permits_to_requests() {
    let semaphore = FairSemaphore::new(10);
    let acme = take_all(&semaphore, Purpose::Query(ACME)).await;
    assert_eq!(acme.len(), 3);
    let own_request = semaphore.acquire(Purpose::Request(ACME)).await;
    assert!(own_request.is_ok());
    let globex = take_all(&semaphore, Purpose::Query(GLOBEX)).await;
    assert_eq!(globex.len(), 2);
    let initech = semaphore.acquire(Purpose::Query(INITECH)).await;
    let job = semaphore.acquire(Purpose::Job).await;
    assert!(initech.is_ok() && job.is_ok());
    assert!(
        !semaphore
            .state()
            .is_available(Purpose::Query(WorkspaceId(4)))
    );
}

#[tokio::test(start_paused = true)]
async fn waiter_at_its_limit_blocks_no_other() {
    let semaphore = FairSemaphore::new(10);
    let mut acme = take_all(&semaphore, Purpose::Query(ACME)).await;
    let mut waiting = Vec::new();
    for _ in 0..30 {
        waiting.push(wait(&semaphore, Purpose::Query(ACME)).await);
    }
    // Served at once, although thirty others wait.
    let other = semaphore.acquire(Purpose::Query(GLOBEX));
    let other = tokio::time::timeout(Duration::ZERO, other).await;
    assert!(other.is_ok());
    acme.pop();
    assert_eq!(served([&waiting[0], &waiting[1]]).await, [true, false]);
}

#[tokio::test(start_paused = true)]
async fn waiters_of_a_workspace_keep_their_order() {
    let semaphore = FairSemaphore::new(1);
    let permit = semaphore.acquire(Purpose::Request(ACME)).await.unwrap();
    let first = wait(&semaphore, Purpose::Request(ACME)).await;
    let second = wait(&semaphore, Purpose::Request(ACME)).await;
    drop(permit);
    assert_eq!(served([&first, &second]).await, [true, false]);
    drop(first.await.unwrap());
    assert!(second.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_order_of_arrival() {
    let semaphore = FairSemaphore::new(1);
    let permit = semaphore.acquire(Purpose::Job).await.unwrap();
    let acme = wait(&semaphore, Purpose::Request(ACME)).await;
    let globex = wait(&semaphore, Purpose::Query(GLOBEX)).await;
    let job = wait(&semaphore, Purpose::Job).await;
    let lookup = wait(&semaphore, Purpose::KeyLookup).await;
    drop(permit);
    for waiter in [acme, globex, job, lookup] {
        assert_eq!(served([&waiter]).await, [true]);
        drop(waiter.await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn later_workspace_overtakes_one_at_its_limit() {
    let semaphore = FairSemaphore::new(10);
    let mut acme = take_all(&semaphore, Purpose::Query(ACME)).await;
    let globex = take_all(&semaphore, Purpose::Query(GLOBEX)).await;
    let initech = take_all(&semaphore, Purpose::Query(INITECH)).await;
    let more = wait(&semaphore, Purpose::Query(GLOBEX)).await;
    let umbrella = wait(&semaphore, Purpose::Query(WorkspaceId(4))).await;
    acme.pop();
    assert_eq!(served([&more, &umbrella]).await, [false, true]);
    drop((globex, initech));
    assert_eq!(served([&more]).await, [true]);
}

#[tokio::test(start_paused = true)]
async fn cancelled_waiter_takes_no_permit() {
    let semaphore = FairSemaphore::new(1);
    let permit = semaphore.acquire(Purpose::Job).await.unwrap();
    let cancelled = wait(&semaphore, Purpose::Job).await;
    let next = wait(&semaphore, Purpose::Job).await;
    cancelled.abort();
    drop(permit);
    assert!(cancelled.await.is_err());
    drop(next.await.unwrap());
    let state = semaphore.state();
    assert_eq!((state.in_use, state.waiting.len()), (0, 0));
    assert!(state.held.is_empty());
}

#[tokio::test(start_paused = true)]
async fn permit_of_cancelled_caller_is_released() {
    let semaphore = FairSemaphore::new(1);
    let permit = semaphore.acquire(Purpose::Job).await.unwrap();
    // Polled once, and not again after the permit was sent.
    let mut waiting = Box::pin(semaphore.acquire(Purpose::Job));
    let timeout = tokio::time::timeout(Duration::ZERO, &mut waiting).await;
    assert!(timeout.is_err());
    drop(permit);
    assert_eq!(semaphore.state().in_use, 1);
    drop(waiting);
    assert_eq!(semaphore.state().in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn every_purpose_proceeds_in_the_smallest_pools() {
    for permits in 1..=3 {
        let semaphore = FairSemaphore::new(permits);
        let mut waiting = Vec::new();
        for _ in 0..20 {
            for purpose in [
                Purpose::Query(ACME),
                Purpose::Request(ACME),
                Purpose::Query(GLOBEX),
                Purpose::KeyLookup,
                Purpose::Job,
            ] {
                let semaphore = Arc::clone(&semaphore);
                waiting.push(tokio::spawn(async move {
                    let permit = semaphore.acquire(purpose).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    drop(permit);
                }));
            }
        }
        for waiter in waiting {
            let done = tokio::time::timeout(Duration::from_secs(10), waiter).await;
            assert!(done.is_ok(), "{permits} permits");
        }
        assert_eq!(semaphore.state().in_use, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn usage_counts_permits_by_class() {
    let semaphore = FairSemaphore::new(10);
    let mut held = Vec::new();
    for purpose in [
        Purpose::KeyLookup,
        Purpose::Job,
        Purpose::Query(ACME),
        Purpose::Request(ACME),
        Purpose::Request(GLOBEX),
    ] {
        held.push(semaphore.acquire(purpose).await.unwrap());
    }
    held.extend(take_all(&semaphore, Purpose::Query(ACME)).await);
    let waiting = wait(&semaphore, Purpose::Query(ACME)).await;
    let usage = semaphore.usage();
    assert_eq!((usage.total, usage.reserved), (10, 2));
    let counts = usage
        .classes
        .map(|(class, usage)| (class, usage.in_use, usage.waiting));
    assert_eq!(
        counts,
        [
            ("key_lookup", 1, 0),
            ("job", 1, 0),
            ("query", 2, 1),
            ("request", 2, 0)
        ]
    );
    drop(held);
    waiting.await.unwrap();
}
