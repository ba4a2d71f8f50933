//! Speed of indexing for search on a server that does nothing else, and its CPU time.

use std::time::{Duration, Instant};

use devices_tests::payload::{self, RequestTemplate};
use devices_tests::{Cluster, ServerProcess};

use crate::load::{Window, post};
use crate::processes::CpuTime;
use crate::subject::Subject;
use crate::{Arguments, ceilings};

const CLIENTS: usize = 8;

/// Queued devices, counted without the columns that a baseline may not have.
const QUEUED: &str = "SELECT coalesce(sum(cardinality(device_ids)), 0) FROM search_queue";

/// Stores devices for `--seconds` without indexing them, then measures how long the server and the
/// baseline take to index them. Prints a table. Returns the number of requests that failed.
pub(crate) fn measure(arguments: &Arguments) -> usize {
    let cluster = Cluster::create("bench");
    let mut subjects = Subject::start_all(&cluster, arguments);
    println!("| build | queued | indexed per second | CPU time of PostgreSQL, µs per device |");
    println!("|---|---|---|---|");
    let mut errors = 0;
    for _ in 0..arguments.rounds {
        for subject in &subjects {
            errors += measure_once(subject, &cluster, arguments);
        }
        subjects.reverse();
    }
    errors
}

fn measure_once(subject: &Subject, cluster: &Cluster, arguments: &Arguments) -> usize {
    subject.reset();
    let window = Window {
        warm_up: Duration::ZERO,
        duration: Duration::from_secs_f64(arguments.seconds),
    };
    let body = payload::body(&payload::devices());
    let mut client = ceilings::connect(&subject.url);
    // Prevents indexing until the transaction ends.
    let lock = client.batch_execute("BEGIN; LOCK TABLE search_documents IN SHARE MODE");
    lock.expect("the index can be locked");
    let errors = store(subject, window, &body);
    client
        .batch_execute("COMMIT")
        .expect("the lock is released");
    let mut queued = || -> i64 {
        let row = client.query_one(QUEUED, &[]);
        row.expect("the queue can be counted").get(0)
    };
    // The job pauses after its last attempt.
    let stored = queued();
    while stored > 0 && queued() == stored {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (servers, postmaster) = (subject.processes(), cluster.postmaster_pid());
    let before = CpuTime::now(&servers, &postmaster);
    let (devices, started) = (queued(), Instant::now());
    while queued() > 0 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let (elapsed, cpu) = (
        started.elapsed().as_secs_f64(),
        CpuTime::now(&servers, &postmaster).since(before),
    );
    println!(
        "| {:?} | {devices} | {:.0} | {:.1} |",
        subject.kind,
        devices as f64 / elapsed,
        cpu.postgres * 1e6 / devices as f64
    );
    errors
}

/// Stores devices in batches of a thousand. Returns the number of requests that failed.
fn store(subject: &Subject, window: Window, body: &RequestTemplate) -> usize {
    let addresses: Vec<&str> = subject
        .services
        .iter()
        .map(ServerProcess::address)
        .collect();
    let keys = std::slice::from_ref(&subject.api_key);
    post(window, &addresses, "/devices", keys, body, CLIENTS, 201).errors
}
