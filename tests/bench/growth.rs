//! Whether the service stays as fast as its tables grow.

use std::time::Duration;

use devices_tests::{Cluster, payload, run_at};

use crate::load::Window;
use crate::report::{Cell, Kind, Report};
use crate::{Arguments, post, serve};

/// Among how many workspaces the devices are spread.
const WORKSPACES: usize = 500;

/// What is sent.
const BATCH: usize = 1_000;
const CLIENTS: usize = 8;

/// How many devices are filled in by one statement.
const AT_ONCE: usize = 50_000;

/// Measures batches into as many workspaces where nothing is stored and where so much is, in turn.
pub(crate) fn measure(
    cluster: &Cluster,
    arguments: &Arguments,
    window: Window,
    report: &mut Report,
) {
    eprintln!("making {WORKSPACES} workspaces");
    let empty = database(cluster, "growth_empty");
    cluster.execute("CREATE DATABASE growth_empty");
    let secrets = prepare(&empty);
    let full = database(cluster, "growth_full");
    cluster.execute("CREATE DATABASE growth_full TEMPLATE growth_empty");
    let body = payload::body(&payload::devices()[..BATCH]);
    // What the filled-in devices are like.
    let service = serve(&full, &arguments.set);
    let once = Window {
        warm_up: Duration::ZERO,
        lasts: Duration::from_millis(1),
    };
    post(
        once,
        &[service.address()],
        "/devices",
        &secrets[..1],
        &body,
        1,
        201,
    );
    drop(service);
    let mut held = 0;
    for &wanted in &arguments.stored {
        fill(&full, held, wanted);
        held = wanted;
        let services =
            [(0, &empty), (held, &full)].map(|(held, url)| (held, url, serve(url, &arguments.set)));
        for round in 1..=arguments.rounds {
            eprintln!(
                "round {round} of {}, {held} devices stored",
                arguments.rounds
            );
            for (held, url, service) in &services {
                // What waits to be indexed would be indexed while the other one is measured.
                let more = match held {
                    0 => ", device_search, devices, device_events",
                    _ => "",
                };
                execute(url, &format!("TRUNCATE device_search_queue{more}"));
                execute(url, "CHECKPOINT");
                let address = [service.address()];
                let sample = post(window, &address, "/devices", &secrets, &body, CLIENTS, 201);
                let kind = match held {
                    0 => Kind::EmptyBeside(wanted),
                    held => Kind::Holding(*held),
                };
                report.add(Cell::new(kind, BATCH, CLIENTS, sample));
            }
        }
    }
}

/// The URL of another database on the same server.
fn database(cluster: &Cluster, name: &str) -> String {
    cluster.url().replace("/devices?", &format!("/{name}?"))
}

fn execute(url: &str, sql: &str) {
    let ran = crate::ceilings::connect(url).batch_execute(sql);
    ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Makes the workspaces, each with users and a key; their secrets.
fn prepare(url: &str) -> Vec<String> {
    let run = |arguments: &[&str]| {
        let ran = run_at(url, arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    run(&["migrate"]);
    execute(
        url,
        &format!(
            "INSERT INTO workspaces (name) SELECT 'workspace' || number \
             FROM generate_series(1, {WORKSPACES}) AS number; \
             INSERT INTO users (workspace_id, id, email) \
             SELECT id, number, 'user' || number || '@example.com' \
             FROM workspaces, generate_series(1, {}) AS number",
            payload::USERS
        ),
    );
    let secrets = (1..=WORKSPACES).map(|number| {
        let workspace = format!("workspace{number}");
        let made = run(&[
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
        let secret = made.json()["secret"].as_str().map(str::to_owned);
        secret.expect("a new key shows its secret")
    });
    secrets.collect()
}

/// Adds devices until there are `wanted` beside those of the first workspace, by two connections. Each
/// thousand go to another workspace, as batches would.
fn fill(url: &str, held: usize, wanted: usize) {
    eprintln!("filling in {} devices", wanted - held);
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
    let parts: Vec<usize> = (held..wanted).step_by(AT_ONCE).collect();
    std::thread::scope(|scope| {
        for offset in [0, 1] {
            let (columns, values, parts) = (&columns, &values, &parts);
            scope.spawn(move || {
                for first in parts.iter().skip(offset).step_by(2) {
                    let last = wanted.min(first + AT_ONCE) - 1;
                    execute(
                        url,
                        &format!(
                            "INSERT INTO devices ({columns}) SELECT {values} \
                             FROM generate_series({first}, {last}) AS number \
                             JOIN (SELECT row_number() OVER () - 1 AS place, devices.* FROM devices \
                                   WHERE serial_number LIKE 'R%' LIMIT {BATCH}) AS sample \
                             ON place = number % {BATCH}"
                        ),
                    );
                }
            });
        }
    });
    execute(url, "VACUUM ANALYZE devices");
}
