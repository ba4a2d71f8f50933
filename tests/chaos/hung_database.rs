//! PostgreSQL that accepts connections and statements, but does not respond.

use std::time::{Duration, Instant};

use devices_tests::{Cluster, ServerProcess, race, set_up_workspace};

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Response};

/// Number of concurrent calls of `/readyz`.
const PROBES: usize = 20;

/// Time in which all of them must get a response: one timeout of the check, and time for a busy
/// machine.
const PROBE_DEADLINE: Duration = Duration::from_secs(3);

/// Calls of `/readyz` must get a 503 in time while PostgreSQL is stopped with SIGSTOP, and a 200
/// again afterwards. Requests must get a 503 as well, and be stored afterwards.
pub(crate) fn run(cluster: &Cluster) -> Outcome {
    let client = Client::new(&set_up_workspace(cluster.url()));
    let service = ServerProcess::start(cluster.url(), &[]);
    let address = service.address();
    let status = |path: &str| {
        let response = reqwest::blocking::get(format!("http://{address}{path}"));
        response.map_or(0, |response| response.status().as_u16())
    };
    let batch = Batch {
        key: "hung".to_owned(),
        rows: 10,
        is_invalid: false,
    };
    if status("/readyz") != 200 {
        return Err("the server is not ready".to_owned());
    }
    // The result is reused for a second.
    std::thread::sleep(Duration::from_millis(1_100));
    let suspended = cluster.suspend();
    let start = Instant::now();
    let concurrent = race(PROBES, |_| status("/readyz"));
    let concurrent_duration = start.elapsed();
    let start = Instant::now();
    let later = status("/readyz");
    let later_duration = start.elapsed();
    let live = status("/livez");
    let rejected = client.post(address, &batch.key, &batch.body());
    drop(suspended);
    let start = Instant::now();
    while status("/readyz") != 200 && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let recovery = start.elapsed();
    let stored = client.post(address, &batch.key, &batch.body());
    let summary = format!(
        "{PROBES} concurrent probes: {concurrent:?} within {concurrent_duration:.1?}; a later one: \
         {later} within {later_duration:.1?}; /livez: {live}\n\
         a batch while it hung: {rejected:?}; after it: {stored:?}\n\
         ready again after {recovery:.1?}"
    );
    let has_passed = concurrent.iter().all(|status| *status == 503)
        && concurrent_duration < PROBE_DEADLINE
        && later == 503
        && later_duration < PROBE_DEADLINE
        && live == 200
        && matches!(rejected, Response::NotStored)
        && matches!(stored, Response::Stored { .. })
        && recovery < Duration::from_secs(10);
    if has_passed {
        Ok(summary)
    } else {
        Err(summary)
    }
}
