//! Throughput of `POST /devices` with empty tables, and of its references.

use devices_tests::ServerProcess;
use devices_tests::payload::{self, RequestTemplate};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::client::creators;
use crate::express::Express;
use crate::load::Window;
use crate::postgres_server::PostgresServer;
use crate::processes::Processes;
use crate::references::{Rows, connect};
use crate::report::{Kind, Report};
use crate::subject::Subject;
use crate::{copy_connections, http_floor, index_queue, rounds};

/// Cells that are compared with each other.
#[derive(Debug, Clone, Copy)]
enum Step {
    Create { batch: usize, clients: usize },
    HttpFloor { batch: usize },
}

/// Batch sizes and clients of the targets that compare the service with Express. Express is
/// measured with all others in the first round only.
const EXPRESS_TARGETS: [(usize, usize); 2] = [(1, 1), (1_000, 8)];

/// Number of clients of [`Step::HttpFloor`].
const FLOOR_CLIENTS: usize = 8;

struct Creates<'a> {
    arguments: &'a Arguments,
    postgres: &'a PostgresServer,
    /// The service, followed by the baseline if there is one.
    subjects: Vec<Subject>,
    rows: Rows,
    /// `None` without Node.js, and where PostgreSQL is not the private one.
    express: Option<Express>,
    http_floor: String,
    devices: Vec<Value>,
    window: Window,
}

/// Measures all combinations of batch sizes and clients.
pub(crate) fn measure(postgres: &PostgresServer, arguments: &Arguments, report: &mut Report) {
    eprintln!("starting the servers");
    let subjects = Subject::start_all(postgres, arguments);
    let measures_express = arguments.measures_references() && arguments.database.is_none();
    let express = measures_express.then(|| Express::start(postgres.url()));
    let creates = Creates {
        express: express.flatten(),
        rows: Rows::read(&mut connect(postgres.url())),
        http_floor: http_floor::serve(),
        devices: payload::devices(),
        window: arguments.window(),
        arguments,
        postgres,
        subjects,
    };
    let mut steps = Vec::new();
    for &batch in &arguments.batches {
        let clients = arguments.clients.iter();
        steps.extend(clients.map(|&clients| Step::Create { batch, clients }));
        if arguments.measures_references() {
            steps.push(Step::HttpFloor { batch });
        }
    }
    rounds::run(
        arguments.rounds,
        &steps,
        report,
        |step, round, report| match *step {
            Step::Create { batch, clients } => {
                creates.measure_batches(batch, clients, round, report);
            }
            Step::HttpFloor { batch } => creates.measure_http_floor(batch, report),
        },
    );
}

impl Creates<'_> {
    /// Measures the service and its baseline or references, in turn.
    fn measure_batches(&self, batch: usize, clients: usize, round: usize, report: &mut Report) {
        let devices = &self.devices[..batch];
        let body = payload::body(devices);
        let with_inventory = self.arguments.inventory;
        let with_inventory = with_inventory.then(|| payload::with_inventory_data(devices));
        let service_body = with_inventory.map_or_else(|| body.clone(), |all| payload::body(&all));
        for subject in rounds::in_turn(&self.subjects, round) {
            let body = match subject.kind {
                Kind::Baseline(_) => &body,
                _ => &service_body,
            };
            let is_first = round == 1;
            self.measure_service(subject, subject.kind, body, clients, is_first, report);
        }
        if !self.arguments.measures_references() {
            return;
        }
        if (batch, clients) == (payload::DEVICES, 1) {
            let invalid = payload::body(&payload::invalid_devices());
            self.measure_service(
                &self.subjects[0],
                Kind::Rejected,
                &invalid,
                1,
                false,
                report,
            );
        }
        if let Some(express) = &self.express
            && (round == 1 || EXPRESS_TARGETS.contains(&(batch, clients)))
        {
            express.reset();
            let workers = creators(&[express.address()], "/devices", &[], &body, clients, 201);
            self.measure_reference(Kind::Express, batch, vec![express.pid()], workers, report);
        }
        let (url, rows) = (self.postgres.url(), &self.rows);
        let workspaces = self.subjects[0]
            .workspaces
            .iter()
            .map(|(id, _)| *id)
            .cycle();
        let copiers = workspaces.clone().take(copy_connections(clients));
        let copiers = copiers.map(|workspace| rows.copier(url, workspace, batch));
        self.measure_reference(Kind::Copy, batch, Vec::new(), copiers.collect(), report);
        if batch == 1 {
            let inserters = workspaces.take(clients);
            let inserters = inserters.map(|workspace| rows.inserter(url, workspace));
            self.measure_reference(Kind::Insert, batch, Vec::new(), inserters.collect(), report);
        }
    }

    /// Measures requests to the service, and, if wanted, the cost of the index afterwards.
    fn measure_service(
        &self,
        subject: &Subject,
        kind: Kind,
        body: &RequestTemplate,
        clients: usize,
        with_index: bool,
        report: &mut Report,
    ) {
        self.reset();
        let expected_status = match kind {
            Kind::Rejected => 400,
            _ => 201,
        };
        let (addresses, keys) = (subject.addresses(), subject.api_keys());
        let workers = creators(
            &addresses,
            "/devices",
            &keys,
            body,
            clients,
            expected_status,
        );
        let processes = subject.processes(self.postgres);
        let batch = body.serial_offsets.len();
        let mut cell = processes.measure(kind, batch, self.window, workers);
        let services = subject.services.iter();
        cell.peak_memory = services.map(ServerProcess::peak_memory).max();
        if with_index {
            let drained = index_queue::drain(&subject.url, &processes);
            cell.index_cpu = drained.and_then(|drained| drained.cpu_per_device());
        }
        report.add(cell);
    }

    fn measure_reference<W: FnMut() -> bool + Send>(
        &self,
        kind: Kind,
        batch: usize,
        servers: Vec<u32>,
        workers: Vec<W>,
        report: &mut Report,
    ) {
        self.reset();
        let processes = Processes {
            servers,
            postmaster: self.postgres.postmaster(),
        };
        report.add(processes.measure(kind, batch, self.window, workers));
    }

    fn measure_http_floor(&self, batch: usize, report: &mut Report) {
        let body = payload::body(&self.devices[..batch]);
        for kind in [Kind::Parse, Kind::Echo] {
            let path = format!("/{}", kind.name());
            let workers = creators(&[&self.http_floor], &path, &[], &body, FLOOR_CLIENTS, 201);
            self.measure_reference(kind, batch, Vec::new(), workers, report);
        }
    }

    /// Empties all databases: an idle server would otherwise index what its last window left
    /// queued.
    fn reset(&self) {
        self.subjects.iter().for_each(Subject::reset);
    }
}
