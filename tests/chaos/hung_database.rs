//! PostgreSQL that accepts connections and statements, but does not respond.

use std::time::{Duration, Instant};

use devices_tests::{Cluster, ServerProcess, race, set_up_workspace};

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Response};
use crate::compare::compare_in_doubt;

/// Number of concurrent calls of `/readyz`.
const PROBES: usize = 20;

/// Time in which all of them must get a response: one timeout of the check, and time for a busy
/// machine.
const PROBE_DEADLINE: Duration = Duration::from_secs(3);

/// Time in which a batch must get a response: 6.5 seconds, and time for a busy machine.
const BATCH_DEADLINE: Duration = Duration::from_secs(8);

/// Time after which the server must be ready again, and a client that retries must have stored its
/// batch.
const RECOVERY_DEADLINE: Duration = Duration::from_secs(10);

/// Trigger that keeps the statement of a batch running until PostgreSQL is stopped.
const SLOW_EVENTS: &str = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql \
     AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$; \
     CREATE TRIGGER slow AFTER INSERT ON device_events EXECUTE FUNCTION wait()";

/// Calls of `/readyz` must get a 503 in time while PostgreSQL is stopped with SIGSTOP, and a 200
/// again afterwards. Requests must get a 503 as well, and be stored when they are retried
/// afterwards. A batch whose statement was running, and commits by itself, must get a 503 that says
/// that it may be stored.
pub(crate) fn run(cluster: &Cluster) -> Outcome {
    let client = Client::new(&set_up_workspace(cluster.url()));
    let service = ServerProcess::start(cluster.url(), &[]);
    let address = service.address();
    let status = |path: &str| {
        let response = reqwest::blocking::get(format!("http://{address}{path}"));
        response.map_or(0, |response| response.status().as_u16())
    };
    let batch = Batch::plain("hung", 10);
    let running_batch = Batch {
        has_idempotency_key: false,
        ..Batch::plain("running", 10)
    };
    if status("/readyz") != 200 {
        return Err("the server is not ready".to_owned());
    }
    // The result is reused for a second.
    std::thread::sleep(Duration::from_millis(1_100));
    cluster.execute(SLOW_EVENTS);
    let running = {
        let (client, address) = (client.clone(), address.to_owned());
        let batch = running_batch.clone();
        std::thread::spawn(move || {
            let start = Instant::now();
            (client.post_batch(&address, &batch), start.elapsed())
        })
    };
    while cluster.count("pg_stat_activity WHERE wait_event = 'PgSleep'") == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let suspended = cluster.suspend();
    let start = Instant::now();
    let concurrent = race(PROBES, |_| status("/readyz"));
    let concurrent_duration = start.elapsed();
    let start = Instant::now();
    let later = status("/readyz");
    let later_duration = start.elapsed();
    let live = status("/livez");
    let rejected = client.post_batch(address, &batch);
    let (in_doubt, in_doubt_duration) = running.join().expect("the client does not panic");
    drop(suspended);
    let start = Instant::now();
    while status("/readyz") != 200 && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let recovery = start.elapsed();
    // Waits until the statement has ended.
    cluster.execute("DROP TRIGGER slow ON device_events");
    let start = Instant::now();
    let (is_stored, others) = retry(&client, address, &batch);
    let retry_duration = start.elapsed();
    let (running, violations) = compare_in_doubt(cluster, &[running_batch]);
    let summary = format!(
        "{PROBES} concurrent probes: {concurrent:?} within {concurrent_duration:.1?}; a later one: \
         {later} within {later_duration:.1?}; /livez: {live}\n\
         a batch while it hung: {rejected:?}; after it: stored: {is_stored}, earlier \
         responses: {others:?} within {retry_duration:.1?}\n\
         a batch whose statement was running: {in_doubt:?} within {in_doubt_duration:.1?}; stored: \
         {}, in part: {}\n\
         ready again after {recovery:.1?}",
        !running.is_empty(),
        !violations.is_empty()
    );
    let has_passed = concurrent.iter().all(|status| *status == 503)
        && concurrent_duration < PROBE_DEADLINE
        && later == 503
        && later_duration < PROBE_DEADLINE
        && live == 200
        && matches!(rejected, Response::NotStored)
        && is_stored
        && matches!(in_doubt, Response::InDoubt)
        && in_doubt_duration < BATCH_DEADLINE
        && violations.is_empty()
        && recovery < RECOVERY_DEADLINE;
    if has_passed {
        Ok(summary)
    } else {
        Err(summary)
    }
}

/// Posts a batch until it is stored, as a client does that gets a 503 or 409. Returns whether it
/// was stored in time, and the other responses.
fn retry(client: &Client, address: &str, batch: &Batch) -> (bool, Vec<Response>) {
    let start = Instant::now();
    let mut others = Vec::new();
    while start.elapsed() < RECOVERY_DEADLINE {
        match client.post_batch(address, batch) {
            Response::Stored { .. } => return (true, others),
            other @ (Response::NotStored | Response::InDoubt) => others.push(other),
            other => {
                others.push(other);
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    (false, others)
}
