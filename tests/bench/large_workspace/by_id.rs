//! `GET` and `PATCH` of single devices, compared with prepared statements by id.

use super::LargeWorkspace;
use crate::arguments::Arguments;
use crate::client::requester_by_id;
use crate::load::Window;
use crate::postgres_server::{PostgresServer, checkpoint};
use crate::processes::Processes;
use crate::references::{connect, selector, updater};
use crate::report::{Kind, Operation, Report};
use crate::rounds::{self, in_turn};

/// Operations, each with the number of clients.
const STEPS: [(Operation, usize); 3] = [
    (Operation::Get, 8),
    (Operation::Patch, 1),
    (Operation::Patch, 8),
];

/// Number of devices that are read and changed, chosen at random.
const DEVICES: i64 = 100_000;

struct RequestsById<'a> {
    workspace: &'a LargeWorkspace,
    ids: Vec<i64>,
    postmaster: Option<String>,
    window: Window,
}

/// Measures the service and its baseline or references, in turn.
pub(super) fn measure(
    workspaces: &[LargeWorkspace],
    postgres: &PostgresServer,
    arguments: &Arguments,
    report: &mut Report,
) {
    let subjects = workspaces.iter().map(|workspace| RequestsById {
        workspace,
        ids: random_ids(workspace),
        postmaster: postgres.postmaster(),
        window: arguments.window(),
    });
    let subjects: Vec<_> = subjects.collect();
    rounds::run(arguments.rounds, &STEPS, report, |step, round, report| {
        let (operation, clients) = *step;
        for subject in in_turn(&subjects, round) {
            subject.measure_service(operation, clients, report);
        }
        if arguments.measures_references() {
            subjects[0].measure_reference(operation, clients, report);
        }
    });
}

fn random_ids(workspace: &LargeWorkspace) -> Vec<i64> {
    let ids = "SELECT id FROM devices WHERE workspace_id = $1 AND deleted_at IS NULL \
               ORDER BY random() LIMIT $2";
    let rows = connect(&workspace.url).query(ids, &[&workspace.id, &DEVICES]);
    let rows = rows.expect("the devices can be read");
    rows.iter().map(|row| row.get(0)).collect()
}

impl RequestsById<'_> {
    fn measure_service(&self, operation: Operation, clients: usize, report: &mut Report) {
        let (method, body): (_, fn(u64) -> String) = match operation {
            Operation::Patch => ("PATCH", |number| {
                format!("{{\"color\":\"color {number}\"}}")
            }),
            _ => ("GET", |_| String::new()),
        };
        let address = self.workspace.server.address();
        let api_key = &self.workspace.api_key;
        let worker = |ids| requester_by_id(address, api_key, method, body, ids);
        let workers = self.per_client(clients, worker);
        let servers = vec![self.workspace.server.pid()];
        self.measure((self.workspace.kind)(operation), servers, workers, report);
    }

    fn measure_reference(&self, operation: Operation, connections: usize, report: &mut Report) {
        let (url, workspace_id) = (&self.workspace.url, self.workspace.id);
        if operation == Operation::Patch {
            let workers = self.per_client(connections, |ids| updater(url, workspace_id, ids));
            self.measure(Kind::Update, Vec::new(), workers, report);
        } else {
            let workers = self.per_client(connections, |ids| selector(url, workspace_id, ids));
            self.measure(Kind::Select, Vec::new(), workers, report);
        }
    }

    /// Returns a worker per client, each with its own devices: concurrent changes of one device
    /// would wait for each other.
    fn per_client<W>(&self, clients: usize, worker: impl Fn(Vec<i64>) -> W) -> Vec<W> {
        let ids = |client| self.ids.iter().copied().skip(client).step_by(clients);
        let workers = (0..clients).map(|client| worker(ids(client).collect()));
        workers.collect()
    }

    fn measure<W: FnMut() -> bool + Send>(
        &self,
        kind: Kind,
        servers: Vec<u32>,
        workers: Vec<W>,
        report: &mut Report,
    ) {
        checkpoint(&self.workspace.url);
        let processes = Processes {
            servers,
            postmaster: self.postmaster.clone(),
        };
        report.add(processes.measure(kind, 1, self.window, workers));
    }
}
