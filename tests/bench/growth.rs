//! Throughput with large tables, compared with empty ones.

use std::path::Path;
use std::time::Duration;

use devices_tests::{Cluster, payload, run_executable};

use crate::load::{Window, post};
use crate::report::{Cell, Kind, Report};
use crate::subject::create_users;
use crate::{Arguments, database_url, execute};

/// Workspaces among which the devices are spread.
const WORKSPACES: usize = 500;

const BATCH: usize = 1_000;
const CLIENTS: usize = 8;

/// Number of devices per statement of [`fill`].
const FILL_CHUNK: usize = 50_000;

/// Measures batches into [`WORKSPACES`] workspaces, alternating between an empty and a filled
/// database.
pub(crate) fn measure(
    cluster: &Cluster,
    arguments: &Arguments,
    window: Window,
    report: &mut Report,
) {
    eprintln!("creating {WORKSPACES} workspaces");
    let empty = database_url(cluster, "growth_empty");
    cluster.execute("CREATE DATABASE growth_empty");
    let keys = prepare(arguments.binary(), &empty);
    let filled = database_url(cluster, "growth_full");
    cluster.execute("CREATE DATABASE growth_full TEMPLATE growth_empty");
    let body = payload::body(&payload::devices()[..BATCH]);
    // A batch in the first workspace is the sample for the devices that fill the tables.
    let service = arguments.serve(arguments.binary(), &filled);
    let one_request = Window {
        warm_up: Duration::ZERO,
        duration: Duration::from_millis(1),
    };
    post(
        one_request,
        &[service.address()],
        "/devices",
        &keys[..1],
        &body,
        1,
        201,
    );
    drop(service);
    let mut stored = 0;
    for &target in &arguments.stored {
        fill(&filled, stored, target);
        stored = target;
        let services = [(0, &empty), (stored, &filled)]
            .map(|(stored, url)| (stored, url, arguments.serve(arguments.binary(), url)));
        for round in 1..=arguments.rounds {
            eprintln!(
                "round {round} of {}, {stored} devices stored",
                arguments.rounds
            );
            for (stored, url, service) in &services {
                // The background job would index queued devices while the other database is
                // measured.
                let tables = match stored {
                    0 => "search_queue, search_documents, devices, device_events",
                    _ => "search_queue",
                };
                execute(url, &format!("TRUNCATE {tables}"));
                execute(url, "CHECKPOINT");
                let address = [service.address()];
                let sample = post(window, &address, "/devices", &keys, &body, CLIENTS, 201);
                let kind = match stored {
                    0 => Kind::EmptyControl(target),
                    stored => Kind::Filled(*stored),
                };
                report.add(Cell::new(kind, BATCH, CLIENTS, sample));
            }
        }
    }
}

/// Creates the workspaces, each with users and an API key. Returns the keys.
fn prepare(binary: &Path, url: &str) -> Vec<String> {
    let run = |arguments: &[&str]| {
        let output = run_executable(binary, url, arguments);
        assert_eq!(output.code, 0, "{output:?}");
        output
    };
    run(&["migrate"]);
    execute(
        url,
        &format!(
            "INSERT INTO workspaces (name) SELECT 'workspace' || number \
             FROM generate_series(1, {WORKSPACES}) AS number"
        ),
    );
    create_users(url);
    let keys = (1..=WORKSPACES).map(|number| {
        let workspace = format!("workspace{number}");
        let created = run(&[
            "key",
            "create",
            "--json",
            "--workspace",
            &workspace,
            "--scope",
            "WRITE",
            "--name",
            "bench",
        ]);
        let key = created.json()["secret"].as_str().map(str::to_owned);
        key.expect("the command prints the new key")
    });
    keys.collect()
}

/// Inserts devices on two connections until `target` are stored, not counting the sample batch.
/// Every thousand devices go to the next workspace, as batches would.
fn fill(url: &str, stored: usize, target: usize) {
    eprintln!("inserting {} devices", target - stored);
    let columns = crate::ceilings::columns(&mut crate::ceilings::connect(url));
    let values = columns.iter().map(|column| match column.as_str() {
        "workspace_id" => format!("1 + number / {BATCH} % {WORKSPACES}"),
        "id" => "nextval('devices_id_seq')".to_owned(),
        "serial_number" | "serial_number_folded" => {
            "'F' || upper(lpad(to_hex(number), 11, '0'))".to_owned()
        }
        column => format!("sample.{column}"),
    });
    let (columns, values) = (columns.join(", "), values.collect::<Vec<_>>().join(", "));
    let chunks: Vec<usize> = (stored..target).step_by(FILL_CHUNK).collect();
    std::thread::scope(|scope| {
        for offset in [0, 1] {
            let (columns, values, chunks) = (&columns, &values, &chunks);
            scope.spawn(move || {
                for first in chunks.iter().skip(offset).step_by(2) {
                    let last = target.min(first + FILL_CHUNK) - 1;
                    execute(
                        url,
                        &format!(
                            "INSERT INTO devices ({columns}) SELECT {values} \
                             FROM generate_series({first}, {last}) AS number \
                             JOIN (SELECT row_number() OVER () - 1 AS place, devices.* \
                                   FROM devices WHERE serial_number LIKE 'R%' \
                                   LIMIT {BATCH}) AS sample \
                             ON place = number % {BATCH}"
                        ),
                    );
                }
            });
        }
    });
    execute(url, "VACUUM ANALYZE devices");
}
