//! Connections that send and read one byte at a time, or nothing.

mod attacker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attacker::{Attack, Attacker, Slowness};
use devices_tests::{Cluster, ServerProcess, create_workspace, set_up_workspace};
use serde_json::{Value, json};

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Response};

/// Duration of the measurement of the normal clients alone.
const QUIET_WINDOW: Duration = Duration::from_secs(8);

/// Duration of the measurement beside the slow clients. Longer than every deadline of a client.
const ATTACK_WINDOW: Duration = Duration::from_secs(30);

/// Time in which everything that slow clients hold must be free again.
const RELEASE: Duration = Duration::from_secs(30);

/// Maximum growth of the server's memory, in MB: the default of `max_unsent_bytes`, the buffers of
/// the connections, and what it takes to build large pages on ten connections to the database.
const MAX_GROWTH: u64 = 384;

/// The server must go on serving the normal clients of a workspace while `connections` slow ones of
/// two other workspaces are open: on a connection that is kept and on new ones, with lists and
/// exports. The slow ones must not hold a connection of the pool, and what they hold must be free
/// again after 30 seconds, although they leave their connections open.
pub(crate) fn run(cluster: &Cluster, connections: usize) -> Outcome {
    let normal = set_up_workspace(cluster.url());
    let slow = ["slow-1", "slow-2"].map(|name| create_workspace(cluster.url(), name));
    let service = ServerProcess::start(cluster.url(), &[]);
    let large = Batch {
        key: "S-large".to_owned(),
        rows: 1_000,
        is_invalid: false,
    };
    for secret in &slow {
        store_large_responses(secret, &service, &large)?;
    }
    let clients = NormalClients::new(&normal, service.address());
    let before = clients.measure("before", QUIET_WINDOW);
    let memory_before = service.memory();
    let stop = AtomicBool::new(false);
    let (attacks, during, in_use) = std::thread::scope(|scope| {
        let attackers = Slowness::ALL.map(|slowness| {
            let attacker = Attacker::new(slowness, service.address(), &slow, &large);
            let stop = &stop;
            scope.spawn(move || attacker.run(connections, stop))
        });
        let during = clients.measure("during", ATTACK_WINDOW);
        // The normal clients are idle now, so that only slow ones can hold a pool connection.
        let in_use = service.connections_in_use();
        stop.store(true, Ordering::SeqCst);
        let attacks = attackers.map(|attacker| attacker.join().expect("no attacker panics"));
        (attacks, during, in_use)
    });
    let released_after = time_until_exports_work(&slow, service.address());
    let [peak, after] = [service.peak_memory(), service.memory()];
    let summary = format!(
        "{}normal clients before:         {before}\n\
         normal clients beside them:    {during}\n\
         pool connections in use by slow clients: {in_use}\n\
         exports of the slow clients' workspaces work again after: {released_after:.1?}\n\
         memory before, at its peak, and after: {memory_before}, {peak} and {after} MB",
        describe(&attacks)
    );
    // The server closes connections of every kind. Few exports get a permit, so all connections of
    // a kind of export may have got a 503.
    let is_attacked = attacks.iter().all(|attack| {
        attack.closed > 0 || matches!(attack.slowness, Slowness::Export | Slowness::UnreadExport)
    });
    let is_served = during.failed == 0 && during.percentile(0.99) < Duration::from_secs(1);
    let is_released = released_after < RELEASE && in_use == 0;
    if is_attacked && is_served && is_released && peak < memory_before + MAX_GROWTH {
        Ok(summary)
    } else {
        Err(summary)
    }
}

/// Stores a batch whose response can be replayed, and devices with large comments. A page of 100 of
/// them takes 1 MB.
fn store_large_responses(
    secret: &str,
    service: &ServerProcess,
    large: &Batch,
) -> Result<(), String> {
    let client = Client::new(secret);
    let device = json!({
        "name": "large", "type": "laptop", "category": "computers",
        "comment": "\u{1f4bb}".repeat(2_500),
    });
    let devices: Vec<Value> = vec![device; 50];
    let mut batches = vec![(large.key.clone(), large.body())];
    batches.extend((0..5).map(|batch| (format!("L-{batch}"), json!({ "devices": devices }))));
    for (key, body) in batches {
        let response = client.post(service.address(), &key, &body);
        if !matches!(response, Response::Stored { .. }) {
            return Err(format!("the batch {key} got {response:?}"));
        }
    }
    Ok(())
}

/// Returns the time until an export of every workspace succeeds, at most twice [`RELEASE`].
fn time_until_exports_work(secrets: &[String], address: &str) -> Duration {
    let start = Instant::now();
    let clients: Vec<_> = secrets.iter().map(|secret| Client::new(secret)).collect();
    let export = |client: &Client| {
        let path = "/devices/export?serial_number=S-large-0";
        let response = client.request("GET", address, path).send();
        response.is_ok_and(|response| response.status() == 200)
    };
    while !clients.iter().all(export) && start.elapsed() < 2 * RELEASE {
        std::thread::sleep(Duration::from_millis(100));
    }
    start.elapsed()
}

fn describe(attacks: &[Attack]) -> String {
    let lines = attacks.iter().map(|attack| {
        format!(
            "{:?}: {} open on average, the server closed {}, {} still open at the end\n",
            attack.slowness,
            attack.open,
            attack.closed,
            attack.sockets.len()
        )
    });
    lines.collect()
}

/// Clients of one workspace: one keeps its connection, one opens a connection for each request.
struct NormalClients {
    kept: Client,
    newcomer: Client,
    address: String,
}

/// Latencies of the normal clients.
struct Latencies {
    /// Of all requests, sorted in ascending order.
    all: Vec<Duration>,
    /// Number of batches of 10, of lists and of exports.
    batches: usize,
    lists: usize,
    exports: usize,
    /// Number of unexpected responses.
    failed: usize,
}

impl NormalClients {
    fn new(secret: &str, address: &str) -> Self {
        Self {
            kept: Client::new(secret),
            newcomer: Client::without_keep_alive(secret),
            address: address.to_owned(),
        }
    }

    fn measure(&self, name: &str, window: Duration) -> Latencies {
        let start = Instant::now();
        let mut latencies = Latencies {
            all: Vec::new(),
            batches: 0,
            lists: 0,
            exports: 0,
            failed: 0,
        };
        for request in 0.. {
            if start.elapsed() > window {
                break;
            }
            let batch = Batch {
                key: format!("N-{name}-{request}"),
                rows: 10,
                is_invalid: false,
            };
            let body = batch.body();
            let sent = Instant::now();
            let response = self.kept.post(&self.address, &batch.key, &body);
            latencies.batches += 1;
            latencies.record(sent, matches!(response, Response::Stored { .. }));
            let sent = Instant::now();
            latencies.lists += 1;
            latencies.record(sent, self.can_get("/devices?limit=1"));
            let sent = Instant::now();
            latencies.exports += 1;
            let path = format!("/devices/export?serial_number={}-0", batch.key);
            latencies.record(sent, self.can_get(&path));
        }
        latencies.all.sort();
        latencies
    }

    fn can_get(&self, path: &str) -> bool {
        let request = self.newcomer.request("GET", &self.address, path);
        let response = request.send();
        response.is_ok_and(|response| response.status() == 200 && response.bytes().is_ok())
    }
}

impl Latencies {
    fn record(&mut self, sent: Instant, is_expected: bool) {
        if is_expected {
            self.all.push(sent.elapsed());
        } else {
            self.failed += 1;
        }
    }

    /// Returns the latency that this fraction of the requests did not exceed.
    fn percentile(&self, fraction: f64) -> Duration {
        let index = (self.all.len() as f64 * fraction) as usize;
        let index = index.min(self.all.len().saturating_sub(1));
        self.all.get(index).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = |fraction| self.percentile(fraction).as_secs_f64() * 1_000.0;
        write!(
            f,
            "{} batches of 10, {} lists and {} exports, p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms, \
             {} failed",
            self.batches,
            self.lists,
            self.exports,
            milliseconds(0.5),
            milliseconds(0.99),
            milliseconds(1.0),
            self.failed
        )
    }
}
