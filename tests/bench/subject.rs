//! Servers under test.

use std::path::Path;

use devices_tests::{Cluster, ServerProcess, payload, set_up_workspace_with};

use crate::load::Client;
use crate::report::Kind;
use crate::{Arguments, database_url, execute};

/// Build of the server under test, with its own database.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    pub(crate) api_key: String,
    pub(crate) services: Vec<ServerProcess>,
}

impl Subject {
    /// Starts the build under test, and the baseline if there is one.
    pub(crate) fn start_all(cluster: &Cluster, arguments: &Arguments) -> Vec<Self> {
        let url = cluster.url().to_owned();
        let mut subjects = vec![Self::start(
            Kind::Service,
            arguments.binary(),
            url,
            arguments,
        )];
        if let Some(baseline) = &arguments.baseline {
            cluster.execute("CREATE DATABASE baseline");
            let url = database_url(cluster, "baseline");
            subjects.push(Self::start(Kind::Baseline, baseline, url, arguments));
        }
        subjects
    }

    /// Prepares the database, starts the servers and stores the payload once.
    fn start(kind: Kind, binary: &Path, url: String, arguments: &Arguments) -> Self {
        let api_key = set_up_workspace_with(binary, &url);
        create_users(&url);
        let services = (0..arguments.servers.max(1)).map(|_| arguments.serve(binary, &url));
        let services: Vec<ServerProcess> = services.collect();
        let mut client = Client::connect(
            services[0].address(),
            "/devices",
            std::slice::from_ref(&api_key),
            &payload::body(&payload::devices()),
        );
        assert_eq!(client.post().ok(), Some(201), "the payload is stored");
        Self {
            kind,
            url,
            api_key,
            services,
        }
    }

    /// Empties the tables and runs a checkpoint, as before every window.
    pub(crate) fn reset(&self) {
        // The queue first: the server's background job locks the tables in this order. A baseline
        // may have the tables of an older schema.
        let reset = "DO $do$ BEGIN EXECUTE ( \
                         SELECT 'TRUNCATE ' || string_agg(name, ', ') FROM unnest(ARRAY[ \
                             'search_queue', 'search_documents', 'device_search_queue', \
                             'device_search', 'devices', 'device_events', 'idempotency_keys', \
                             'usage_changes', 'usage_counts' \
                         ]) AS name WHERE to_regclass(name) IS NOT NULL \
                     ); END $do$";
        execute(&self.url, reset);
        execute(&self.url, "CHECKPOINT");
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        self.services.iter().map(ServerProcess::pid).collect()
    }
}

/// Creates the users to whom the payload's devices are assigned, in every workspace.
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
                     INSERT INTO users (workspace_id, id, email) {users}; \
                 ELSE \
                     INSERT INTO users (workspace_id, id, email, email_folded, search_document) \
                     SELECT id, number, email, email, '' FROM ({users}) AS new (id, number, email); \
                 END IF; \
             END $do$"
        ),
    );
}
