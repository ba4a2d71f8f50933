//! Load generator: concurrent workers, each with one operation at a time.

use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Measurements of one window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Devices per second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Number of operations that failed, or whose status was not the expected one.
    pub(crate) errors: usize,
    /// Number of devices processed, including the warm-up.
    pub(crate) devices: usize,
}

/// Duration of a measurement, and of the warm-up before it that does not count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

/// Operations of one worker: latencies within the window, errors and devices of the whole run.
#[derive(Debug, Default)]
struct WorkerResult {
    latencies: Vec<Duration>,
    errors: usize,
    devices: usize,
}

/// Runs all workers concurrently, each in a loop, and measures the operations within the window. A
/// worker processes `devices_each` devices per call and returns whether it succeeded. The workers
/// keep their connections: CPU time of a backend that ends at this time could be missed.
pub(crate) fn measure<W: FnMut() -> bool + Send>(
    window: Window,
    devices_each: usize,
    workers: &mut [W],
) -> Sample {
    let barrier = Barrier::new(workers.len());
    let results: Vec<WorkerResult> = std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    run_worker(window, devices_each, worker)
                })
            })
            .collect();
        let results = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        results
            .map(|result| result.expect("no worker panics"))
            .collect()
    });
    let mut latencies: Vec<Duration> = results
        .iter()
        .flat_map(|result| result.latencies.clone())
        .collect();
    latencies.sort_unstable();
    let percentile = |fraction: f64| {
        let index = (latencies.len() as f64 * fraction) as usize;
        let index = index.min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().unwrap_or_default()
    };
    Sample {
        rate: (latencies.len() * devices_each) as f64 / window.duration.as_secs_f64(),
        p50: percentile(0.5),
        p99: percentile(0.99),
        errors: results.iter().map(|result| result.errors).sum(),
        devices: results.iter().map(|result| result.devices).sum(),
    }
}

fn run_worker(
    window: Window,
    devices_each: usize,
    mut worker: impl FnMut() -> bool,
) -> WorkerResult {
    let start = Instant::now() + window.warm_up;
    let end = start + window.duration;
    let mut result = WorkerResult::default();
    loop {
        let started = Instant::now();
        let succeeded = worker();
        let ended = Instant::now();
        if succeeded {
            result.devices += devices_each;
        } else {
            result.errors += 1;
        }
        if ended >= end {
            return result;
        }
        if ended >= start && succeeded {
            result.latencies.push(ended - started);
        }
    }
}
