//! Two batches with the same serial numbers in opposite orders.

use devices_tests::{Cluster, Service, prepare};
use serde_json::{Value, json};

use crate::Outcome;
use crate::client::{Client, Told};

const ROWS: usize = 50;

/// Of the two exactly one is stored, and the other is refused: never is one told to come again.
pub(crate) fn run(cluster: &Cluster, rounds: usize) -> Outcome {
    let secret = prepare(cluster.url());
    let service = Service::start(cluster.url(), &[]);
    let client = Client::new(&secret);
    let mut others = Vec::new();
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
        let told = std::thread::scope(|scope| {
            let one = scope.spawn(|| post("forwards", &forwards));
            let other = post("backwards", &backwards);
            [one.join().expect("no client panics"), other]
        });
        match &told {
            [Told::Stored { .. }, Told::Refused(400)]
            | [Told::Refused(400), Told::Stored { .. }] => {}
            told => others.push(format!("{told:?}")),
        }
        if (round + 1).is_multiple_of(100) {
            eprintln!("{} of {rounds} races", round + 1);
        }
    }
    let deadlocks = "SELECT '' AS word, deadlocks AS number FROM pg_stat_database \
                     WHERE datname = current_database()";
    let deadlocks = cluster.ask(deadlocks)[0].number;
    let stored = cluster.count("devices");
    let said = format!(
        "{rounds} races of two batches of {ROWS}: {} ended otherwise than with one 201 and one 400; \
         PostgreSQL saw {deadlocks} deadlocks",
        others.len()
    );
    match others.first() {
        None if stored as usize == rounds * ROWS => Ok(said),
        None => Err(format!("{said}; {stored} devices are stored")),
        Some(first) => Err(format!("{said}; the first: {first}")),
    }
}
