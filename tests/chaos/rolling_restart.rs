//! Rolling restart of two replicas under load.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use devices_tests::{Cluster, ServerProcess, set_up_workspace};

use crate::Outcome;
use crate::balancer::Balancer;
use crate::batches::Batch;
use crate::client::{Client, Response};

const CLIENTS: usize = 8;

/// A stopping replica reports "not ready" for this long, and then stops accepting connections.
const SETTINGS: [(&str, &str); 1] = [("DEVICES__SERVER__DRAIN_SECONDS", "1")];

/// Restarts the replicas in turn. Every request must get a 201 at its first attempt, and every
/// replica must exit with success.
pub(crate) fn run(cluster: &Cluster, restarts: usize) -> Outcome {
    let secret = set_up_workspace(cluster.url());
    let balancer = Balancer::start();
    let start = || {
        let replica = ServerProcess::start(cluster.url(), &SETTINGS);
        balancer.add(replica.address());
        replica
    };
    let mut replicas = [start(), start()];
    let stop = AtomicBool::new(false);
    let stored = AtomicUsize::new(0);
    let unexpected = Mutex::new(Vec::new());
    let mut all_exited_with_success = true;
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (stop, stored, unexpected) = (&stop, &stored, &unexpected);
            let client = Client::new(&secret);
            let address = balancer.address();
            scope.spawn(move || {
                for request in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let batch = Batch::plain(format!("R{number}-{request}"), 5);
                    match client.post_batch(address, &batch) {
                        Response::Stored { .. } => {
                            stored.fetch_add(1, Ordering::SeqCst);
                        }
                        response => unexpected.lock().expect("no client panics").push(response),
                    }
                }
            });
        }
        for restart in 0..restarts {
            let replica = &mut replicas[restart % 2];
            all_exited_with_success &= replica.stop();
            balancer.remove(replica.address());
            *replica = start();
            eprintln!("{} of {restarts} restarts", restart + 1);
        }
        stop.store(true, Ordering::SeqCst);
    });
    let unexpected = unexpected.into_inner().expect("no client panics");
    let stored = stored.into_inner();
    let events = cluster.count("device_events");
    let summary = format!(
        "{restarts} restarts of two replicas under {CLIENTS} clients: {stored} requests got a 201, \
         {} another response",
        unexpected.len()
    );
    match unexpected.first() {
        None if all_exited_with_success && events as usize == stored => Ok(summary),
        None => Err(format!(
            "{summary}; {events} batches are stored, all replicas exited with success: \
             {all_exited_with_success}"
        )),
        Some(first) => Err(format!("{summary}; the first: {first:?}")),
    }
}
