//! Two concurrent syncs of the same devices.

use devices_tests::{Cluster, ServerProcess, race, set_up_workspace};

use crate::Outcome;
use crate::batches::{Batch, Content, Matching, OnConflict, Options, Row};
use crate::client::{Client, Response};
use crate::compare::{Archived, compare, compare_last_changes, count_and_first};
use crate::results::{Acknowledged, Acknowledgement, tick};

/// Devices of a race. Half of them are those of the race before.
const ROWS: usize = 1_000;

/// A debug build on a busy machine may take longer than a second to store a batch, the default for
/// waiting for a lock.
const SETTINGS: [(&str, &str); 2] = [
    ("DEVICES__DATABASE__LOCK_TIMEOUT_MS", "10000"),
    ("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", "15000"),
];

/// Sends two batches with `on_conflict=update` for the same serial numbers in opposite order,
/// `rounds` times. Both must be stored, one after the other. No client may get an error because of
/// the other one, and no serial number may be stored twice.
pub(crate) fn run(cluster: &Cluster, rounds: usize) -> Outcome {
    let client = Client::new(&set_up_workspace(cluster.url()));
    let service = ServerProcess::start(cluster.url(), &SETTINGS);
    let mut acknowledged = Acknowledged::new();
    let mut batches = Vec::new();
    let mut failed = Vec::new();
    let mut mixed = Vec::new();
    for round in 0..rounds {
        let racers = [batch(round, "forwards"), batch(round, "backwards")];
        let responses = race(racers.len(), |racer| {
            let sent = tick();
            let response = client.post_batch(service.address(), &racers[racer]);
            (sent, response, tick())
        });
        for (batch, (sent, response, received)) in racers.iter().zip(responses) {
            let Response::Stored { result, .. } = response else {
                failed.push(format!("{}: {response:?}", batch.key));
                continue;
            };
            let acknowledgement = Acknowledgement {
                sent,
                received,
                result,
            };
            acknowledged.insert(batch.key.clone(), acknowledgement);
        }
        mixed.extend(mixed_values(cluster, round));
        batches.extend(racers);
        if (round + 1).is_multiple_of(10) {
            eprintln!("{} of {rounds} races", round + 1);
        }
    }
    let mut violations = compare(cluster, &batches, &acknowledged);
    let last = compare_last_changes(cluster, &acknowledged, &[].into(), &Archived::new());
    violations.extend(last);
    let deadlocks = "SELECT '' AS word, deadlocks AS number FROM pg_stat_database \
                     WHERE datname = current_database()";
    let deadlocks = cluster.query(deadlocks)[0].number;
    let devices = cluster.count("devices");
    let distinct = cluster.count("(SELECT DISTINCT serial_number_folded FROM devices) AS serials");
    let summary = format!(
        "{rounds} races of two syncs of {ROWS} devices: {} syncs failed, {} races left values of \
         both syncs; {devices} devices with {distinct} serial numbers; PostgreSQL counted \
         {deadlocks} deadlocks\n{violations}",
        count_and_first(&failed),
        count_and_first(&mixed)
    );
    let has_all = devices as usize == (rounds + 1) * ROWS / 2 && distinct == devices;
    if failed.is_empty() && mixed.is_empty() && violations.is_empty() && has_all {
        Ok(summary)
    } else {
        Err(summary)
    }
}

/// Returns a sync of the devices of a race. Every second race stores the valid rows only, which
/// are all.
fn batch(round: usize, order: &str) -> Batch {
    let first = round * ROWS / 2;
    let mut rows: Vec<Row> = (first..first + ROWS)
        .map(|number| Row {
            serial_number: Some(format!("race-{number}")),
            content: Content::Value,
        })
        .collect();
    if order == "backwards" {
        rows.reverse();
    }
    let matching = Matching {
        nulls: "keep",
        field: "serial_number",
    };
    Batch {
        key: format!("{order}-{round}"),
        has_idempotency_key: false,
        options: Options {
            on_conflict: OnConflict::Update,
            is_atomic: round.is_multiple_of(2),
            matching: Some(matching),
        },
        rows,
    }
}

/// Returns the batches whose values the devices of a race have, if those are several: one of the
/// two syncs was stored between changes of the other one.
fn mixed_values(cluster: &Cluster, round: usize) -> Option<String> {
    let writers = cluster.query(&format!(
        "SELECT split_part(comment, '/', 1) AS word, count(*) AS number FROM devices \
         WHERE split_part(serial_number, '-', 2)::int >= {} GROUP BY 1",
        round * ROWS / 2
    ));
    (writers.len() != 1).then(|| format!("{writers:?}"))
}
