//! Many at once.

use std::sync::Barrier;
use std::thread;

/// What this many do at once, none of them before all have come; in their order.
pub fn race<T: Send>(racers: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(racers);
    thread::scope(|scope| {
        let racing: Vec<_> = (0..racers)
            .map(|racer| {
                let (start, run) = (&start, &run);
                scope.spawn(move || {
                    start.wait();
                    run(racer)
                })
            })
            .collect();
        let joined = racing.into_iter().map(|racer| racer.join());
        joined.map(|ran| ran.expect("no racer panics")).collect()
    })
}
