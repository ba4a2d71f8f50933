//! Replicas that are restarted in turn, under load.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use devices_tests::{Cluster, Service, prepare};

use crate::Outcome;
use crate::balancer::Balancer;
use crate::batches::Batch;
use crate::client::{Client, Told};

const CLIENTS: usize = 8;

/// How long a replica that was told to stop says so before it takes nothing new.
const SETTINGS: [(&str, &str); 1] = [("DEVICES__SERVER__DRAIN_SECONDS", "1")];

/// No request is lost: each is answered 201, the first time that it is sent.
pub(crate) fn run(cluster: &Cluster, restarts: usize) -> Outcome {
    let secret = prepare(cluster.url());
    let balancer = Balancer::start();
    let start = || {
        let replica = Service::start(cluster.url(), &SETTINGS);
        balancer.add(replica.address());
        replica
    };
    let mut replicas = [start(), start()];
    let stop = AtomicBool::new(false);
    let stored = AtomicUsize::new(0);
    let others = Mutex::new(Vec::new());
    let mut ended_well = true;
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (stop, stored, others) = (&stop, &stored, &others);
            let client = Client::new(&secret);
            let address = balancer.address();
            scope.spawn(move || {
                for request in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let batch = Batch {
                        key: format!("R{number}-{request}"),
                        rows: 5,
                        is_bad: false,
                    };
                    match client.post(address, &batch.key, &batch.body()) {
                        Told::Stored { .. } => {
                            stored.fetch_add(1, Ordering::SeqCst);
                        }
                        told => others.lock().expect("nobody panics with it").push(told),
                    }
                }
            });
        }
        for restart in 0..restarts {
            let replica = &mut replicas[restart % 2];
            ended_well &= replica.stop();
            balancer.remove(replica.address());
            *replica = start();
            eprintln!("{} of {restarts} restarts", restart + 1);
        }
        stop.store(true, Ordering::SeqCst);
    });
    let others = others.into_inner().expect("nobody panics with it");
    let stored = stored.into_inner();
    let there = cluster.count("device_events");
    let said = format!(
        "{restarts} restarts of two replicas under {CLIENTS} clients: {stored} requests answered 201, {} \
         otherwise",
        others.len()
    );
    match others.first() {
        None if ended_well && there as usize == stored => Ok(said),
        None => Err(format!(
            "{said}; {there} batches are stored, ended well: {ended_well}"
        )),
        Some(first) => Err(format!("{said}; the first: {first:?}")),
    }
}
