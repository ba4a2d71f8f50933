//! Clients that disconnect at a random moment.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, ServerProcess, set_up_workspace};
use rand::RngExt;

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Response};

const CONCURRENCY: usize = 16;
const ROWS: usize = 20;

/// Disconnected clients must leave no open transaction, no partial batch and no pool connection in
/// use, and the server must go on serving.
pub(crate) fn run(cluster: &Cluster, clients: usize) -> Outcome {
    let secret = set_up_workspace(cluster.url());
    let service = ServerProcess::start(cluster.url(), &[]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CONCURRENCY {
            scope.spawn(|| {
                loop {
                    let client = next.fetch_add(1, Ordering::SeqCst);
                    if client >= clients {
                        break;
                    }
                    send_and_disconnect(service.address(), &secret, client);
                }
            });
        }
    });
    let open_transactions = "SELECT '' AS word, count(*) AS number FROM pg_stat_activity \
                             WHERE datname = current_database() AND pid <> pg_backend_pid() \
                               AND state <> 'idle'";
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut open = cluster.query(open_transactions)[0].number;
    while open > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
        open = cluster.query(open_transactions)[0].number;
    }
    let batches = "SELECT FROM devices GROUP BY split_part(comment, '/', 1)";
    let partial = cluster.count(&format!("({batches} HAVING count(*) <> {ROWS}) AS partial"));
    let stored = cluster.count(&format!("({batches}) AS stored"));
    let last = batch(clients);
    let client = Client::new(&secret);
    let response = client.post_batch(service.address(), &last);
    let in_use = service.connections_in_use();
    let summary = format!(
        "{clients} clients disconnected: {stored} batches stored, {partial} of them in part; \
         afterwards {open} transactions open and {in_use} pool connections in use"
    );
    match (open, partial, response) {
        (0, 0, Response::Stored { .. }) if in_use == 0 && stored > 0 => Ok(summary),
        (.., response) => Err(format!("{summary}; the next client got {response:?}")),
    }
}

fn batch(client: usize) -> Batch {
    Batch::plain(format!("H{client}"), ROWS)
}

/// Sends a request or a part of it, waits a moment and disconnects. Ignores socket errors, which
/// are expected.
fn send_and_disconnect(address: &str, secret: &str, client: usize) {
    let mut rng = rand::rng();
    let body = batch(client).body().to_string();
    let request = format!(
        "POST /devices HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let length = if rng.random_bool(0.5) {
        request.len()
    } else {
        rng.random_range(0..request.len())
    };
    let Ok(mut socket) = TcpStream::connect(address) else {
        return;
    };
    drop(socket.write_all(&request.as_bytes()[..length]));
    std::thread::sleep(Duration::from_micros(rng.random_range(0..15_000)));
    if rng.random_bool(0.5) {
        drop(socket.shutdown(Shutdown::Write));
    }
}
