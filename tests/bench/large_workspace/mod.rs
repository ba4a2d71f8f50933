//! One workspace with many devices: lists and searches, and requests for single devices.

mod by_id;
mod lists;
mod population;
mod requests;

use std::path::Path;

use devices_tests::{Response, ServerProcess};
use reqwest::blocking::Client;

use crate::arguments::{Arguments, Part};
use crate::postgres_server::PostgresServer;
use crate::report::{Kind, Operation, Report};
use crate::subject::{run, set_up_workspace};
use population::{Population, WORKSPACE};

/// The workspace, and the server under test.
struct LargeWorkspace {
    /// Constructor of the kinds of its cells.
    kind: fn(Operation) -> Kind,
    url: String,
    /// Id of the workspace.
    id: i64,
    population: Population,
    server: ServerProcess,
    api_key: String,
    client: Client,
}

/// Runs the selected measurements.
pub(crate) fn measure(postgres: &PostgresServer, arguments: &Arguments, report: &mut Report) {
    let devices = arguments.devices;
    let start = |kind, binary, database| {
        let url = postgres.create_database(database);
        LargeWorkspace::start(kind, binary, url, Population { devices }, arguments)
    };
    let mut workspaces = vec![start(Kind::Service, arguments.binary(), "large")];
    if let Some(baseline) = &arguments.baseline {
        workspaces.push(start(Kind::Baseline, baseline, "large_baseline"));
    }
    if arguments.measures(Part::Lists) {
        lists::measure(&workspaces[0], arguments.only.as_deref(), report);
    }
    if arguments.measures(Part::ById) {
        by_id::measure(&workspaces, postgres, arguments, report);
    }
}

impl LargeWorkspace {
    /// Starts a server. Fills the database unless an earlier run has.
    fn start(
        kind: fn(Operation) -> Kind,
        binary: &Path,
        url: String,
        population: Population,
        arguments: &Arguments,
    ) -> Self {
        run(binary, &url, "migrate");
        let is_filled = population.is_stored(&url);
        let (id, api_key) = set_up_workspace(binary, &url, WORKSPACE);
        if !is_filled {
            population.insert_users_and_enrollments(&url);
        }
        let workspace = Self {
            kind,
            id,
            population,
            server: arguments.serve(binary, &url),
            api_key,
            client: Client::new(),
            url,
        };
        if !is_filled {
            workspace.create_devices();
            workspace.archive_devices();
            workspace.wait_for_index();
        }
        workspace
    }

    /// Sends a request, with a JSON body if there is one.
    fn send(&self, method: &str, path: &str, body: Option<String>) -> Response {
        let method = method.parse().expect("a valid method");
        let url = format!("http://{}{path}", self.server.address());
        let mut request = self.client.request(method, url).bearer_auth(&self.api_key);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        Response::from(request.send().expect("the server responds"))
    }
}
