//! A workspace that searches its many devices with 30 clients, and a small workspace beside it.

mod fill;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, ServerProcess, run_at, set_up_workspace};
use reqwest::blocking::RequestBuilder;
use serde_json::json;

use crate::Outcome;
use crate::client::Client;
use crate::latencies::Latencies;

/// Clients of the large workspace. Each has a key of its own.
const CLIENTS: usize = 30;

/// Number of measurements of each kind. The kinds alternate, so that other load on the machine
/// affects all.
const ROUNDS: usize = 3;

/// Duration of one measurement.
const WINDOW: Duration = Duration::from_secs(4);

/// Maximum ratio of the neighbour's p99 beside the searches to that without them.
const MAX_RATIO: u32 = 3;

/// The settings of production, without its ports. The rate limits are checked, but too high to end
/// the attack: at those of production it would last a second.
const SETTINGS: [(&str, &str); 6] = [
    ("DEVICES_ENVIRONMENT", "production"),
    ("DEVICES__SERVER__HOST", "127.0.0.1"),
    ("DEVICES__METRICS__HOST", "127.0.0.1"),
    ("DEVICES__METRICS__PORT", "0"),
    ("DEVICES__RATE_LIMIT__REQUESTS_PER_MINUTE", "1000000"),
    (
        "DEVICES__RATE_LIMIT__WORKSPACE_REQUESTS_PER_MINUTE",
        "1000000",
    ),
];

/// Searches by words that all, many, few and no devices have, and by a part of a serial number.
const SEARCHES: [&str; 8] = [
    "laptop",
    "macbook",
    "lyon sleeve",
    "macbook thinkpad",
    "latitude warranty",
    "777",
    "R0000000012",
    "nothing-has-this",
];

/// Requests of the neighbour and `/readyz` must never get a 503 while the other workspace, with
/// `devices` devices, searches. The p99 of the neighbour's requests must stay below [`MAX_RATIO`]
/// times that without the searches.
///
/// The clients run on the cores of the server and of PostgreSQL, and use them up. A second server
/// therefore shows how much of the latency is due to that: searches through it use the same cores,
/// but not the connections of the neighbour's server. The neighbour beside these counts as being
/// without the searches, too.
pub(crate) fn run(cluster: &Cluster, devices: usize) -> Outcome {
    let secret = set_up_workspace(cluster.url());
    let searchers: Vec<Client> = (0..CLIENTS).map(|_| key(cluster, "acme")).collect();
    let created = run_at(cluster.url(), &["workspace", "create", "globex"]);
    assert_eq!(created.code, 0, "{created:?}");
    let neighbour = Neighbour {
        client: key(cluster, "globex"),
        posted: AtomicUsize::new(0),
    };
    let service = ServerProcess::start(cluster.url(), &SETTINGS);
    let other = ServerProcess::start(cluster.url(), &SETTINGS);
    fill::fill(cluster, &Client::new(&secret), service.address(), devices)?;
    let scenario = Scenario {
        neighbour,
        searchers,
        service,
        other,
    };
    let measured = scenario.measure();
    let summary = format!("{devices} devices {measured}");
    if measured.has_passed() {
        Ok(summary)
    } else {
        Err(summary)
    }
}

/// Clients and servers.
struct Scenario {
    neighbour: Neighbour,
    searchers: Vec<Client>,
    /// Server of the neighbour.
    service: ServerProcess,
    other: ServerProcess,
}

/// Measurements of the neighbour.
#[derive(Default)]
struct Measurements {
    alone: Measurement,
    /// While the others search through another server.
    elsewhere: Measurement,
    /// While the others search through the same server.
    beside: Measurement,
    /// Searches through the same server.
    searches: Searches,
}

impl Scenario {
    fn measure(&self) -> Measurements {
        let Self { service, other, .. } = self;
        let mut measured = Measurements::default();
        self.neighbour.measure(service.address());
        for _ in 0..ROUNDS {
            measured
                .alone
                .add(self.neighbour.measure(service.address()));
            let (elsewhere, _) = self.measure_during_searches(other.address());
            measured.elsewhere.add(elsewhere);
            let (beside, searches) = self.measure_during_searches(service.address());
            measured.beside.add(beside);
            measured.searches.add(&searches);
        }
        measured
    }

    /// Measures the neighbour while all searchers search at `address`.
    fn measure_during_searches(&self, address: &str) -> (Measurement, Searches) {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let search = |client| search(client, address, &stop);
            let searching: Vec<_> = self
                .searchers
                .iter()
                .map(|client| scope.spawn(move || search(client)))
                .collect();
            let measured = self.neighbour.measure(self.service.address());
            stop.store(true, Ordering::SeqCst);
            let mut searches = Searches::default();
            for searcher in searching {
                searches.add(&searcher.join().expect("no searcher panics"));
            }
            (measured, searches)
        })
    }
}

impl Measurements {
    fn has_passed(&self) -> bool {
        self.alone.failed() + self.beside.failed() == 0
            && self.searches.completed > 0
            && self.is_fast(|measured| &measured.lists)
            && self.is_fast(|measured| &measured.posts)
    }

    fn is_fast(&self, latencies: impl Fn(&Measurement) -> &Latencies) -> bool {
        let [alone, elsewhere, beside] = [&self.alone, &self.elsewhere, &self.beside]
            .map(|measured| latencies(measured).percentile(0.99));
        beside <= alone.max(elsewhere) * MAX_RATIO
    }
}

impl std::fmt::Display for Measurements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "searched by {CLIENTS} clients: {}\n\
             neighbour alone:\n{}\n\
             neighbour while they search through another server:\n{}\n\
             neighbour beside them:\n{}",
            self.searches, self.alone, self.elsewhere, self.beside
        )
    }
}

/// Creates a key of a workspace.
fn key(cluster: &Cluster, workspace: &str) -> Client {
    let create = ["key", "create", "--json", "--scope", "WRITE"];
    let name = ["--name", "chaos", "--workspace", workspace];
    let created = run_at(cluster.url(), &[create.as_slice(), &name].concat());
    assert_eq!(created.code, 0, "{created:?}");
    let created = created.json();
    Client::new(created["secret"].as_str().expect("a new key has a secret"))
}

/// Numbers of searches by outcome.
#[derive(Default)]
struct Searches {
    completed: usize,
    failed: usize,
}

impl Searches {
    fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for Searches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} completed, {} failed", self.completed, self.failed)
    }
}

/// Searches until `stop` is set, one search after the other.
fn search(client: &Client, address: &str, stop: &AtomicBool) -> Searches {
    let mut searches = Searches::default();
    for words in SEARCHES.iter().cycle() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let path = format!("/devices?search={}", words.replace(' ', "+"));
        match status(client.request("GET", address, &path)) {
            200 => searches.completed += 1,
            _ => searches.failed += 1,
        }
    }
    searches
}

/// Returns the status of the response; 0 if there was none.
fn status(request: RequestBuilder) -> u16 {
    let response = request.send().and_then(|response| {
        let status = response.status().as_u16();
        response.bytes().map(|_| status)
    });
    response.unwrap_or_default()
}

/// The client of a small workspace.
struct Neighbour {
    client: Client,
    posted: AtomicUsize,
}

/// Latencies of the neighbour and of the probe.
#[derive(Default)]
struct Measurement {
    lists: Latencies,
    posts: Latencies,
    probes: Latencies,
}

impl Neighbour {
    /// Lists a device, posts one and probes the server in turn.
    fn measure(&self, address: &str) -> Measurement {
        let mut measured = Measurement::default();
        let start = Instant::now();
        while start.elapsed() < WINDOW {
            let list = self.client.request("GET", address, "/devices?limit=1");
            measured.lists.record(|| status(list) == 200);
            let number = self.posted.fetch_add(1, Ordering::SeqCst);
            let device = json!({
                "name": "XPS 13", "type": "laptop", "category": "computers",
                "serial_number": format!("N-{number}"),
            });
            let post = self.client.request("POST", address, "/devices");
            let post = post.json(&json!({ "devices": [device] }));
            measured.posts.record(|| status(post) == 201);
            let probe = self.client.request("GET", address, "/readyz");
            measured.probes.record(|| status(probe) == 200);
        }
        measured
    }
}

impl Measurement {
    fn add(&mut self, other: Self) {
        self.lists.append(other.lists);
        self.posts.append(other.posts);
        self.probes.append(other.probes);
    }

    fn failed(&self) -> usize {
        self.lists.failed() + self.posts.failed() + self.probes.failed()
    }
}

impl std::fmt::Display for Measurement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "  GET /devices?limit=1: {}\n  POST of one device:   {}\n  GET /readyz:          {}",
            self.lists, self.posts, self.probes
        )
    }
}
