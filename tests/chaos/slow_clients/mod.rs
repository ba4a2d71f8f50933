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
use crate::latencies::Latencies;

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
    let large = Batch::plain("S-large", 1_000);
    for secret in &slow {
        store_large_responses(secret, &service, &large)?;
    }
    let clients = NormalClients::new(&normal, service.address());
    let before = clients.measure("before", QUIET_WINDOW);
    let memory_before = megabytes(service.memory());
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
    let [peak, after] = [service.peak_memory(), service.memory()].map(megabytes);
    let summary = format!(
        "{}normal clients before:         {before}\n\
         normal clients beside them:    {during}\n\
         pool connections in use by slow clients: {in_use}\n\
         exports of the slow clients' workspaces work again after: {released_after:.1?}\n\
         memory before, at its peak, and after: {memory_before}, {peak} and {after} MB",
        describe(&attacks)
    );
    // The server closes connections of nearly every kind. Few exports get a permit, so all
    // connections of a kind of export may have got a 503. A small response is in the buffers of the
    // sockets, and its connection counts as idle.
    let need_not_be_closed = [Slowness::Export, Slowness::UnreadExport, Slowness::Response];
    let is_attacked = attacks
        .iter()
        .all(|attack| attack.closed > 0 || need_not_be_closed.contains(&attack.slowness));
    let is_served = during.latencies.failed() == 0
        && during.latencies.percentile(0.99) < Duration::from_secs(1);
    let is_released = released_after < RELEASE && in_use == 0;
    if is_attacked && is_served && is_released && peak < memory_before + MAX_GROWTH {
        Ok(summary)
    } else {
        Err(summary)
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes / (1 << 20)
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

/// Requests of the normal clients: in each round a batch of 10, a list and an export.
#[derive(Default)]
struct Rounds {
    count: usize,
    latencies: Latencies,
}

impl NormalClients {
    fn new(secret: &str, address: &str) -> Self {
        Self {
            kept: Client::new(secret),
            newcomer: Client::without_keep_alive(secret),
            address: address.to_owned(),
        }
    }

    fn measure(&self, name: &str, window: Duration) -> Rounds {
        let start = Instant::now();
        let mut rounds = Rounds::default();
        while start.elapsed() < window {
            let batch = Batch::plain(format!("N-{name}-{}", rounds.count), 10);
            let latencies = &mut rounds.latencies;
            latencies.record(|| {
                let response = self.kept.post_batch(&self.address, &batch);
                matches!(response, Response::Stored { .. })
            });
            latencies.record(|| self.can_get("/devices?limit=1"));
            let export = format!("/devices/export?serial_number={}-0", batch.key);
            latencies.record(|| self.can_get(&export));
            rounds.count += 1;
        }
        rounds
    }

    fn can_get(&self, path: &str) -> bool {
        let request = self.newcomer.request("GET", &self.address, path);
        let response = request.send();
        response.is_ok_and(|response| response.status() == 200 && response.bytes().is_ok())
    }
}

impl std::fmt::Display for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} times a batch of 10, a list and an export: {}",
            self.count, self.latencies
        )
    }
}
