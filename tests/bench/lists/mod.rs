//! Latency of every list, filter and search in one large workspace.

mod population;
mod requests;

use std::time::{Duration, Instant};

use devices_tests::{Cluster, Response, run_executable};
use reqwest::blocking::Client;

use crate::{Arguments, ceilings};
use population::Population;
use requests::Case;

/// Number of requests per case. A case stops after [`MAX_DURATION`].
const REPETITIONS: usize = 25;

const MAX_DURATION: Duration = Duration::from_secs(5);

/// Measures the lists of a workspace with `devices` devices, and prints a table. Fills the database
/// unless an earlier run has. Returns the number of requests that failed.
pub(crate) fn measure(arguments: &Arguments, devices: usize) -> usize {
    // Kept until the end: dropping it stops the server.
    let cluster = arguments
        .database
        .is_none()
        .then(|| Cluster::create("bench"));
    let url = match (&cluster, &arguments.database) {
        (Some(cluster), _) => cluster.url().to_owned(),
        (None, database) => database.clone().unwrap_or_default(),
    };
    let population = Population { devices };
    let binary = arguments.binary();
    let migrated = run_executable(binary, &url, &["migrate"]);
    assert_eq!(migrated.code, 0, "{migrated:?}");
    let is_filled = population.is_stored(&url);
    if !is_filled {
        population.insert_users_and_enrollments(binary, &url);
    }
    let key = create_key(arguments, &url);
    let server = arguments.serve(binary, &url);
    let api = ListApi {
        client: Client::new(),
        host: format!("http://{}", server.address()),
        key,
    };
    if !is_filled {
        population.create_devices(&api);
        population::archive_devices(&api, &url);
        population::wait_for_index(&url);
    }
    let cases = requests::cases(&population, &api, &url);
    let selected = cases.iter().filter(|case| {
        let only = arguments.only.as_deref();
        only.is_none_or(|text| case.path.contains(text))
    });
    println!("| list | path | total | p50 ms | max ms |\n|---|---|---|---|---|");
    let failures = selected.map(|case| print_case(case, &api)).sum();
    print_versions(&url);
    failures
}

fn print_versions(url: &str) {
    let version = ceilings::connect(url).query_one("SHOW server_version", &[]);
    let version: String = version.expect("the version can be read").get(0);
    println!("\nPostgreSQL {version}");
}

fn create_key(arguments: &Arguments, url: &str) -> String {
    let command = "key create --json --name lists --scope WRITE --workspace";
    let mut command: Vec<&str> = command.split(' ').collect();
    command.push(population::WORKSPACE);
    let created = run_executable(arguments.binary(), url, &command);
    let secret = created.json()["secret"].as_str().map(str::to_owned);
    secret.expect("the command prints the new key")
}

/// A client of the server under test.
pub(crate) struct ListApi {
    client: Client,
    host: String,
    key: String,
}

impl ListApi {
    /// Sends a request, with a JSON body if there is one.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<String>) -> Response {
        let method = method.parse().expect("a valid method");
        let request = self.client.request(method, format!("{}{path}", self.host));
        let mut request = request.bearer_auth(&self.key);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        Response::from(request.send().expect("the server responds"))
    }
}

/// Measures and prints one case. Returns the number of its requests that failed.
fn print_case(case: &Case, api: &ListApi) -> usize {
    let (started, mut latencies, mut failures) = (Instant::now(), Vec::new(), 0);
    let mut total = String::new();
    while latencies.len() < REPETITIONS && started.elapsed() < MAX_DURATION {
        let sent = Instant::now();
        let response = api.send("GET", &case.path, None);
        latencies.push(sent.elapsed());
        if response.status == 200 {
            total = describe_total(&response);
        } else {
            failures += 1;
            total = format!("status {}", response.status);
        }
    }
    latencies.sort_unstable();
    let milliseconds = |latency: Duration| latency.as_secs_f64() * 1_000.0;
    println!(
        "| {} | `{}` | {total} | {:.1} | {:.1} |",
        case.name,
        case.path,
        milliseconds(latencies[latencies.len() / 2]),
        milliseconds(latencies[latencies.len() - 1]),
    );
    failures
}

/// Returns the total of a list, with a plus sign if it is a lower bound, and a note if the search
/// is incomplete.
fn describe_total(response: &Response) -> String {
    if response.text.is_empty() || !response.text.starts_with('{') {
        return String::new();
    }
    let meta = response.json()["meta"].clone();
    let plus = if meta["total_is_exact"] == false {
        "+"
    } else {
        ""
    };
    let note = if meta["search_is_complete"] == false {
        ", incomplete"
    } else {
        ""
    };
    format!("{}{plus}{note}", meta["total"])
}
