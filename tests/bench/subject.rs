//! Servers under test.

use std::path::Path;

use devices_tests::{CommandOutput, ServerProcess, payload, run_executable};

use crate::arguments::Arguments;
use crate::client::creators;
use crate::postgres_server::{PostgresServer, checkpoint, execute};
use crate::processes::Processes;
use crate::references::connect;
use crate::report::{Kind, Operation};

/// Beginning of the names of the workspaces of the created devices.
const WORKSPACE: &str = "devices-bench-";

/// Build of the server under test, with its own database.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    /// Id and an API key of each workspace.
    pub(crate) workspaces: Vec<(i64, String)>,
    pub(crate) services: Vec<ServerProcess>,
}

impl Subject {
    /// Starts the build under test, and the baseline if there is one.
    pub(crate) fn start_all(postgres: &PostgresServer, arguments: &Arguments) -> Vec<Self> {
        let start = |kind: fn(Operation) -> Kind, binary: &Path, url: &str| {
            Self::start(kind(Operation::Create), binary, url.to_owned(), arguments)
        };
        let mut subjects = vec![start(Kind::Service, arguments.binary(), postgres.url())];
        if let Some(baseline) = &arguments.baseline {
            let url = postgres.create_database("baseline");
            subjects.push(start(Kind::Baseline, baseline, &url));
        }
        subjects
    }

    /// Prepares the database, starts the servers and stores the payload once.
    fn start(kind: Kind, binary: &Path, url: String, arguments: &Arguments) -> Self {
        run(binary, &url, "migrate");
        reject_other_workspaces(&url);
        let workspaces = (1..=arguments.workspaces.max(1))
            .map(|number| set_up_workspace(binary, &url, &format!("{WORKSPACE}{number}")));
        let workspaces = workspaces.collect();
        create_users(&url);
        let services = (0..arguments.servers.max(1)).map(|_| arguments.serve(binary, &url));
        let subject = Self {
            kind,
            services: services.collect(),
            workspaces,
            url,
        };
        subject.reset();
        let body = payload::body(&payload::devices());
        let keys = &subject.api_keys()[..1];
        let mut creators = creators(&subject.addresses(), "/devices", keys, &body, 1, 201);
        assert!(
            creators[0](),
            "the server did not store the payload, see fleet-devices-chaos.log"
        );
        subject
    }

    /// Empties the tables and runs a checkpoint, as before every window.
    pub(crate) fn reset(&self) {
        // The queue first: the server's background job locks the tables in this order. A baseline
        // may have the tables of an older schema.
        let reset = "DO $do$ BEGIN EXECUTE ( \
                         SELECT 'TRUNCATE ' || string_agg(name, ', ') FROM unnest(ARRAY[ \
                             'search_queue', 'search_documents', 'device_search_queue', \
                             'device_search', 'devices', 'batches', 'device_events', 'event_feeds', \
                             'idempotency_keys', 'usage_changes', 'usage_counts' \
                         ]) AS name WHERE to_regclass(name) IS NOT NULL \
                     ); END $do$";
        execute(&self.url, reset);
        checkpoint(&self.url);
    }

    pub(crate) fn addresses(&self) -> Vec<&str> {
        self.services.iter().map(ServerProcess::address).collect()
    }

    pub(crate) fn api_keys(&self) -> Vec<String> {
        let keys = self.workspaces.iter().map(|(_, key)| key.clone());
        keys.collect()
    }

    pub(crate) fn processes(&self, postgres: &PostgresServer) -> Processes {
        Processes {
            servers: self.services.iter().map(ServerProcess::pid).collect(),
            postmaster: postgres.postmaster(),
        }
    }
}

/// Runs a command of the server.
pub(crate) fn run(binary: &Path, url: &str, command: &str) -> CommandOutput {
    let output = run_executable(binary, url, &command.split(' ').collect::<Vec<_>>());
    assert_eq!(output.code, 0, "{output:?}");
    output
}

/// Creates a workspace unless it exists. Returns its id and a new API key.
pub(crate) fn set_up_workspace(binary: &Path, url: &str, name: &str) -> (i64, String) {
    if workspace_id(url, name).is_none() {
        run(binary, url, &format!("workspace create {name}"));
    }
    let id = workspace_id(url, name).expect("the workspace exists");
    (id, create_key(binary, url, name))
}

/// Creates an API key with the scope WRITE. Returns its secret.
pub(crate) fn create_key(binary: &Path, url: &str, workspace: &str) -> String {
    let command = format!("key create --json --name bench --scope WRITE --workspace {workspace}");
    let created = run(binary, url, &command).json();
    let secret = created["secret"].as_str().map(str::to_owned);
    secret.expect("the command prints the new key")
}

pub(crate) fn workspace_id(url: &str, name: &str) -> Option<i64> {
    let row = connect(url).query_opt("SELECT id FROM workspaces WHERE name = $1", &[&name]);
    row.expect("the workspaces can be read")
        .map(|row| row.get(0))
}

/// Ends the program if a database of `--database` has data that [`Subject::reset`] would delete.
fn reject_other_workspaces(url: &str) {
    let others = "SELECT name FROM workspaces WHERE NOT starts_with(name, $1) LIMIT 1";
    let other = connect(url).query_opt(others, &[&WORKSPACE]);
    if let Some(row) = other.expect("the workspaces can be read") {
        let name: String = row.get(0);
        eprintln!(
            "--database must have no workspaces, because its devices are deleted: it has `{name}`"
        );
        std::process::exit(2);
    }
}

/// Creates the users to whom the payload's devices are assigned, in every workspace without them.
pub(crate) fn create_users(url: &str) {
    let users = format!(
        "SELECT id, number, 'user' || number || '@example.com' \
         FROM workspaces, generate_series(1, {}) AS number",
        payload::USERS
    );
    // The schema of a baseline may be older than the folded columns.
    execute(
        url,
        &format!(
            "DO $do$ BEGIN \
                 IF to_regclass('search_documents') IS NULL THEN \
                     INSERT INTO users (workspace_id, id, email) {users} ON CONFLICT DO NOTHING; \
                 ELSE \
                     INSERT INTO users (workspace_id, id, email, email_folded, search_document) \
                     SELECT id, number, email, email, '' FROM ({users}) AS new (id, number, email) \
                     ON CONFLICT DO NOTHING; \
                 END IF; \
             END $do$"
        ),
    );
}
