//! Concurrent calls.

use std::sync::Barrier;
use std::thread;

/// Calls `run` on `count` threads at once, with the index of each. No call begins before all
/// threads have started. Returns the results in the order of the indexes.
pub fn race<T: Send>(count: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let racers: Vec<_> = (0..count)
            .map(|index| {
                let (start, run) = (&start, &run);
                scope.spawn(move || {
                    start.wait();
                    run(index)
                })
            })
            .collect();
        let results = racers.into_iter().map(std::thread::ScopedJoinHandle::join);
        results
            .map(|result| result.expect("no racer panics"))
            .collect()
    })
}
