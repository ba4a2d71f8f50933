//! Two concurrent batches with the same serial numbers in opposite order.

use devices_tests::{Cluster, ServerProcess, set_up_workspace};
use serde_json::{Value, json};

use crate::Outcome;
use crate::client::{Client, Response};

const ROWS: usize = 50;

/// Sends two batches with the same serial numbers in opposite order, `rounds` times. Exactly one of
/// them must be stored, and the other rejected with 400. Neither may get a 503 after a deadlock.
pub(crate) fn run(cluster: &Cluster, rounds: usize) -> Outcome {
    let secret = set_up_workspace(cluster.url());
    let service = ServerProcess::start(cluster.url(), &[]);
    let client = Client::new(&secret);
    let mut unexpected = Vec::new();
    for round in 0..rounds {
        let mut rows: Vec<Value> = (0..ROWS)
            .map(|row| {
                json!({"name": "a", "type": "b", "category": "c",
                       "serial_number": format!("R{round}-{row}")})
            })
            .collect();
        let forwards = json!({ "devices": rows });
        rows.reverse();
        let backwards = json!({ "devices": rows });
        let post = |name: &str, body: &Value| {
            client.post(service.address(), &format!("{name}-{round}"), body)
        };
        let responses = std::thread::scope(|scope| {
            let first = scope.spawn(|| post("forwards", &forwards));
            let second = post("backwards", &backwards);
            [first.join().expect("no client panics"), second]
        });
        match &responses {
            [Response::Stored { .. }, Response::Rejected(400)]
            | [Response::Rejected(400), Response::Stored { .. }] => {}
            responses => unexpected.push(format!("{responses:?}")),
        }
        if (round + 1).is_multiple_of(100) {
            eprintln!("{} of {rounds} races", round + 1);
        }
    }
    let deadlocks = "SELECT '' AS word, deadlocks AS number FROM pg_stat_database \
                     WHERE datname = current_database()";
    let deadlocks = cluster.query(deadlocks)[0].number;
    let stored = cluster.count("devices");
    let summary = format!(
        "{rounds} races of two batches of {ROWS} devices: {} ended otherwise than with one 201 and \
         one 400; PostgreSQL counted {deadlocks} deadlocks",
        unexpected.len()
    );
    match unexpected.first() {
        None if stored as usize == rounds * ROWS => Ok(summary),
        None => Err(format!("{summary}; {stored} devices are stored")),
        Some(first) => Err(format!("{summary}; the first: {first}")),
    }
}
