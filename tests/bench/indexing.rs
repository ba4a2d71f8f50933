//! Speed of indexing for search on a server that does nothing else, and its CPU time.

use std::time::Duration;

use devices_tests::payload;

use crate::arguments::Arguments;
use crate::client::creators;
use crate::index_queue::{drain, queued};
use crate::load::{Window, measure as measure_window};
use crate::postgres_server::PostgresServer;
use crate::references::connect;
use crate::subject::Subject;

const CLIENTS: usize = 8;

/// Stores devices for `--seconds` without indexing them, then measures how long the server and the
/// baseline take to index them. Prints a table. Returns the number of requests that failed.
pub(crate) fn measure(postgres: &PostgresServer, arguments: &Arguments) -> usize {
    let mut subjects = Subject::start_all(postgres, arguments);
    println!("| build | queued | indexed per second | CPU time of PostgreSQL, µs per device |");
    println!("|---|---|---|---|");
    let mut errors = 0;
    for _ in 0..arguments.rounds {
        for subject in &subjects {
            errors += measure_once(subject, postgres, arguments.window());
        }
        subjects.reverse();
    }
    errors
}

fn measure_once(subject: &Subject, postgres: &PostgresServer, window: Window) -> usize {
    subject.reset();
    let mut client = connect(&subject.url);
    // Prevents indexing until the transaction ends.
    let lock = client.batch_execute("BEGIN; LOCK TABLE search_documents IN SHARE MODE");
    lock.expect("the index can be locked");
    let errors = store(subject, window);
    client
        .batch_execute("COMMIT")
        .expect("the lock is released");
    // The job pauses after its last attempt.
    let stored = queued(&mut client);
    while stored > 0 && queued(&mut client) == stored {
        std::thread::sleep(Duration::from_millis(10));
    }
    let drained = drain(&subject.url, &subject.processes(postgres));
    let drained = drained.expect("the queue is indexed in time");
    println!(
        "| {} | {} | {:.0} | {:.1} |",
        subject.kind.name(),
        drained.devices,
        drained.devices as f64 / drained.elapsed.as_secs_f64(),
        drained.cpu.postgres.unwrap_or_default() * 1e6 / drained.devices as f64
    );
    errors
}

/// Stores devices in batches of a thousand. Returns the number of requests that failed.
fn store(subject: &Subject, window: Window) -> usize {
    let window = Window {
        warm_up: Duration::ZERO,
        ..window
    };
    let body = payload::body(&payload::devices());
    let (addresses, keys) = (subject.addresses(), subject.api_keys());
    let mut workers = creators(&addresses, "/devices", &keys, &body, CLIENTS, 201);
    measure_window(window, payload::DEVICES, &mut workers).errors
}
