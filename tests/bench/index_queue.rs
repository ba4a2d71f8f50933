//! Queue of devices that wait to be indexed for search.

use std::time::{Duration, Instant};

use crate::processes::{CpuTime, Processes};
use crate::references::connect;

/// Queued devices, counted without the columns that a baseline may not have.
const QUEUED: &str = "SELECT coalesce(sum(cardinality(device_ids)), 0)::bigint FROM search_queue";

/// Fewest devices whose cost is reported: Linux counts CPU time in steps of 10 ms.
const MIN_DEVICES: i64 = 5_000;

/// Longest time to wait for the queue.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Devices that were indexed, and what that took.
pub(crate) struct Drained {
    pub(crate) devices: i64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: CpuTime,
}

impl Drained {
    /// CPU microseconds of servers and PostgreSQL per device. `None` after fewer than
    /// [`MIN_DEVICES`], or if the time of PostgreSQL is unknown.
    pub(crate) fn cpu_per_device(&self) -> Option<f64> {
        let seconds = self.cpu.server + self.cpu.postgres?;
        (self.devices >= MIN_DEVICES).then(|| seconds * 1e6 / self.devices as f64)
    }
}

pub(crate) fn queued(client: &mut postgres::Client) -> i64 {
    let row = client.query_one(QUEUED, &[]);
    row.expect("the queue can be counted").get(0)
}

/// Waits until the queue is empty, and measures that. Returns `None` if it takes too long.
pub(crate) fn drain(url: &str, processes: &Processes) -> Option<Drained> {
    let mut client = connect(url);
    let (before, started) = (processes.cpu_time(), Instant::now());
    let devices = queued(&mut client);
    while queued(&mut client) > 0 {
        if started.elapsed() > TIMEOUT {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(Drained {
        devices,
        elapsed: started.elapsed(),
        cpu: processes.cpu_time().since(before),
    })
}
