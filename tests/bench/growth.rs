//! Throughput with large tables, compared with empty ones.

use std::path::Path;

use devices_tests::{ServerProcess, payload};

use crate::arguments::Arguments;
use crate::client::creators;
use crate::postgres_server::{PostgresServer, checkpoint, execute};
use crate::processes::Processes;
use crate::references::{columns, connect};
use crate::report::{Kind, Report};
use crate::rounds;
use crate::subject::{create_key, create_users, run};

/// Workspaces among which the devices are spread.
const WORKSPACES: usize = 500;

const BATCH: usize = 1_000;
const CLIENTS: usize = 8;

/// Number of devices per statement of [`fill`].
const FILL_CHUNK: usize = 50_000;

/// Server on an empty or a filled database.
struct Side {
    kind: Kind,
    url: String,
    service: ServerProcess,
}

/// Measures batches into [`WORKSPACES`] workspaces, alternating between an empty and a filled
/// database.
pub(crate) fn measure(postgres: &PostgresServer, arguments: &Arguments, report: &mut Report) {
    eprintln!("creating {WORKSPACES} workspaces");
    let binary = arguments.binary();
    let empty = postgres.create_database("growth_empty");
    let keys = prepare(binary, &empty);
    let filled = postgres.create_database("growth_full TEMPLATE growth_empty");
    let body = payload::body(&payload::devices()[..BATCH]);
    // A batch in the first workspace is the sample for the devices that fill the tables.
    let service = arguments.serve(binary, &filled);
    let mut workers = creators(&[service.address()], "/devices", &keys[..1], &body, 1, 201);
    assert!(workers[0](), "the sample is stored");
    drop((workers, service));
    let mut stored = 0;
    for &target in &arguments.stored {
        fill(&filled, stored, target);
        stored = target;
        let kinds = [
            (Kind::EmptyControl(target), &empty),
            (Kind::Filled(target), &filled),
        ];
        let sides = kinds.map(|(kind, url)| Side {
            kind,
            url: url.clone(),
            service: arguments.serve(binary, url),
        });
        rounds::run(arguments.rounds, &[sides], report, |sides, _, report| {
            for side in sides {
                side.reset();
                let addresses = [side.service.address()];
                let workers = creators(&addresses, "/devices", &keys, &body, CLIENTS, 201);
                let processes = Processes {
                    servers: vec![side.service.pid()],
                    postmaster: postgres.postmaster(),
                };
                report.add(processes.measure(side.kind, BATCH, arguments.window(), workers));
            }
        });
    }
}

impl Side {
    /// Empties the queue, which the background job would index while the other database is
    /// measured, and the tables of the empty database.
    fn reset(&self) {
        let tables = match self.kind {
            Kind::EmptyControl(_) => {
                "search_queue, search_documents, devices, batches, device_events"
            }
            _ => "search_queue",
        };
        execute(&self.url, &format!("TRUNCATE {tables}"));
        checkpoint(&self.url);
    }
}

/// Creates the workspaces, each with users and an API key. Returns the keys.
fn prepare(binary: &Path, url: &str) -> Vec<String> {
    run(binary, url, "migrate");
    execute(
        url,
        &format!(
            "INSERT INTO workspaces (name) SELECT 'workspace' || number \
             FROM generate_series(1, {WORKSPACES}) AS number"
        ),
    );
    create_users(url);
    let keys =
        (1..=WORKSPACES).map(|number| create_key(binary, url, &format!("workspace{number}")));
    keys.collect()
}

/// Inserts devices on two connections until `target` are stored, not counting the sample batch.
/// Every thousand devices go to the next workspace, as batches would.
fn fill(url: &str, stored: usize, target: usize) {
    eprintln!("inserting {} devices", target - stored);
    let columns = columns(&mut connect(url));
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
