//! Clients that hang up at a random moment.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, Service, prepare};
use rand::RngExt;

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Told};

const AT_ONCE: usize = 16;
const ROWS: usize = 20;

/// They leave no transaction open, no part of a batch, and a server that works.
pub(crate) fn run(cluster: &Cluster, clients: usize) -> Outcome {
    let secret = prepare(cluster.url());
    let service = Service::start(cluster.url(), &[]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let client = next.fetch_add(1, Ordering::SeqCst);
                    if client >= clients {
                        break;
                    }
                    hang_up(service.address(), &secret, client);
                }
            });
        }
    });
    let open = "SELECT '' AS word, count(*) AS number FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND state <> 'idle'";
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut left = cluster.ask(open)[0].number;
    while left > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
        left = cluster.ask(open)[0].number;
    }
    let partial = cluster.count(&format!(
        "(SELECT FROM devices GROUP BY comment HAVING count(*) <> {ROWS}) AS partial"
    ));
    let whole = cluster.count("(SELECT FROM devices GROUP BY comment) AS whole");
    let last = batch(clients);
    let client = Client::new(&secret);
    let told = client.post(service.address(), &last.key, &last.body());
    let in_use = service.connections_in_use();
    let said = format!(
        "{clients} clients hung up: {whole} batches stored whole, {partial} in part; {left} transactions \
         open and {in_use} connections of the pool in use afterwards"
    );
    match (left, partial, told) {
        (0, 0, Told::Stored { .. }) if in_use == 0 && whole > 0 => Ok(said),
        (.., told) => Err(format!("{said}; the next client was told {told:?}")),
    }
}

fn batch(client: usize) -> Batch {
    Batch {
        key: format!("H{client}"),
        rows: ROWS,
        is_bad: false,
    }
}

/// Sends a part of a request, or all of it, waits a moment, and is gone. Whatever goes wrong then is
/// what is wanted.
fn hang_up(address: &str, secret: &str, client: usize) {
    let mut rng = rand::rng();
    let body = batch(client).body().to_string();
    let request = format!(
        "POST /devices HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = match rng.random_bool(0.5) {
        true => request.len(),
        false => rng.random_range(0..request.len()),
    };
    let Ok(mut socket) = TcpStream::connect(address) else {
        return;
    };
    drop(socket.write_all(&request.as_bytes()[..sent]));
    std::thread::sleep(Duration::from_micros(rng.random_range(0..15_000)));
    if rng.random_bool(0.5) {
        drop(socket.shutdown(Shutdown::Write));
    }
}
