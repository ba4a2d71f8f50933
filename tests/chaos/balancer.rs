//! Load balancer for several servers: new connections go to those that are ready.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Interval between readiness checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Forwards TCP connections, round-robin over the ready servers.
#[derive(Debug)]
pub(crate) struct Balancer {
    address: String,
    servers: Servers,
}

/// Addresses, each with the result of its last readiness check.
type Servers = Arc<Mutex<Vec<(String, bool)>>>;

fn lock(servers: &Servers) -> MutexGuard<'_, Vec<(String, bool)>> {
    servers
        .lock()
        .expect("no thread panics while it holds the lock")
}

impl Balancer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let servers = Servers::default();
        let (checked, available) = (Arc::clone(&servers), Arc::clone(&servers));
        std::thread::spawn(move || {
            loop {
                check(&checked);
                std::thread::sleep(CHECK_INTERVAL);
            }
        });
        std::thread::spawn(move || {
            for (turn, client) in listener.incoming().enumerate() {
                let ready: Vec<String> = lock(&available)
                    .iter()
                    .filter(|(_, is_ready)| *is_ready)
                    .map(|(address, _)| address.clone())
                    .collect();
                if let (Ok(client), false) = (client, ready.is_empty()) {
                    forward(client, &ready[turn % ready.len()]);
                }
            }
        });
        Self {
            address: address.to_string(),
            servers,
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Adds a server. Returns once it is ready.
    pub(crate) fn add(&self, address: &str) {
        lock(&self.servers).push((address.to_owned(), false));
        let is_ready = || {
            lock(&self.servers)
                .iter()
                .any(|(server, is_ready)| server == address && *is_ready)
        };
        while !is_ready() {
            std::thread::sleep(CHECK_INTERVAL);
        }
    }

    /// Removes a server.
    pub(crate) fn remove(&self, address: &str) {
        lock(&self.servers).retain(|(server, _)| server != address);
    }
}

/// Requests `/readyz` of each server.
fn check(servers: &Servers) {
    let addresses: Vec<String> = lock(servers)
        .iter()
        .map(|(address, _)| address.clone())
        .collect();
    for address in addresses {
        let response = reqwest::blocking::get(format!("http://{address}/readyz"));
        let responds = response.is_ok_and(|response| response.status().is_success());
        for (server, is_ready) in lock(servers).iter_mut() {
            if *server == address {
                *is_ready = responds;
            }
        }
    }
}

fn forward(client: TcpStream, address: &str) {
    let directions = || {
        let server = TcpStream::connect(address)?;
        let upstream = (client.try_clone()?, server.try_clone()?);
        Ok::<_, std::io::Error>((upstream, (server, client)))
    };
    if let Ok((upstream, downstream)) = directions() {
        std::thread::spawn(move || copy(upstream));
        std::thread::spawn(move || copy(downstream));
    }
}

fn copy((mut from, mut to): (TcpStream, TcpStream)) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // Fails if the peer has closed the connection already.
    drop(to.shutdown(Shutdown::Write));
}
