//! A workspace that searches its many devices with 30 clients, and a small workspace beside it.

mod fill;
mod latencies;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, ServerProcess, run_at, set_up_workspace};
use reqwest::blocking::RequestBuilder;
use serde_json::json;

use self::latencies::Latencies;
use crate::Outcome;
use crate::client::Client;

/// Clients of the large workspace. Each has a key of its own.
const CLIENTS: usize = 30;

/// Times that the neighbour is measured alone, and as often beside the searches. The two alternate,
/// so that other load on the machine affects both.
const ROUNDS: usize = 3;

/// Duration of one measurement.
const WINDOW: Duration = Duration::from_secs(4);

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
/// `devices` devices, searches. The p99 of the neighbour's requests must stay below three times
/// that without the searches.
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
    fill::fill(cluster, &Client::new(&secret), service.address(), devices)?;
    neighbour.measure(service.address());
    let (mut alone, mut beside) = (Measurement::default(), Measurement::default());
    let mut searches = Searches::default();
    for _ in 0..ROUNDS {
        alone.add(neighbour.measure(service.address()));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (service, stop) = (&service, &stop);
            let searching: Vec<_> = searchers
                .iter()
                .map(|client| scope.spawn(move || search(client, service.address(), stop)))
                .collect();
            beside.add(neighbour.measure(service.address()));
            stop.store(true, Ordering::SeqCst);
            for searcher in searching {
                searches.add(searcher.join().expect("no searcher panics"));
            }
        });
    }
    let summary = format!(
        "{devices} devices searched by {CLIENTS} clients: {searches}\n\
         neighbour alone:\n{alone}\n\
         neighbour beside them:\n{beside}"
    );
    let is_fast = |alone: &Latencies, beside: &Latencies| {
        beside.percentile(0.99) <= alone.percentile(0.99) * 3
    };
    let is_served = alone.failed() + beside.failed() == 0;
    if is_served
        && searches.completed > 0
        && is_fast(&alone.lists, &beside.lists)
        && is_fast(&alone.posts, &beside.posts)
    {
        Ok(summary)
    } else {
        Err(summary)
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
    rejected: usize,
}

impl Searches {
    fn add(&mut self, other: Self) {
        self.completed += other.completed;
        self.rejected += other.rejected;
    }
}

impl std::fmt::Display for Searches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} completed, {} got a 503",
            self.completed, self.rejected
        )
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
            _ => searches.rejected += 1,
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
            measured.lists.add(200, || status(list));
            let number = self.posted.fetch_add(1, Ordering::SeqCst);
            let device = json!({
                "name": "XPS 13", "type": "laptop", "category": "computers",
                "serial_number": format!("N-{number}"),
            });
            let post = self.client.request("POST", address, "/devices");
            let post = post.json(&json!({ "devices": [device] }));
            measured.posts.add(201, || status(post));
            let probe = self.client.request("GET", address, "/readyz");
            measured.probes.add(200, || status(probe));
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
