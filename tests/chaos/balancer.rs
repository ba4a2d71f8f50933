//! A balancer before several servers: whoever is ready gets new connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How often servers are asked whether they are ready.
const INTERVAL: Duration = Duration::from_millis(50);

/// Hands on connections, byte by byte.
#[derive(Debug)]
pub(crate) struct Balancer {
    address: String,
    servers: Servers,
}

/// Addresses, and whether each was ready when it was last asked.
type Servers = Arc<Mutex<Vec<(String, bool)>>>;

fn lock(servers: &Servers) -> MutexGuard<'_, Vec<(String, bool)>> {
    servers.lock().expect("nobody panics with it")
}

impl Balancer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
        let address = listener.local_addr().expect("it has an address");
        let servers = Servers::default();
        let (asked, chosen) = (Arc::clone(&servers), Arc::clone(&servers));
        std::thread::spawn(move || {
            loop {
                ask(&asked);
                std::thread::sleep(INTERVAL);
            }
        });
        std::thread::spawn(move || {
            for (turn, client) in listener.incoming().enumerate() {
                let ready: Vec<String> = lock(&chosen)
                    .iter()
                    .filter(|(_, ready)| *ready)
                    .map(|(address, _)| address.clone())
                    .collect();
                if let (Ok(client), false) = (client, ready.is_empty()) {
                    join(client, &ready[turn % ready.len()]);
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

    /// From now on this server is asked, too. Returns once it is ready.
    pub(crate) fn add(&self, address: &str) {
        lock(&self.servers).push((address.to_owned(), false));
        let is_ready = || {
            lock(&self.servers)
                .iter()
                .any(|(one, ready)| one == address && *ready)
        };
        while !is_ready() {
            std::thread::sleep(INTERVAL);
        }
    }

    /// It is gone for good.
    pub(crate) fn remove(&self, address: &str) {
        lock(&self.servers).retain(|(one, _)| one != address);
    }
}

fn ask(servers: &Servers) {
    let addresses: Vec<String> = lock(servers).iter().map(|(one, _)| one.clone()).collect();
    for address in addresses {
        let answer = reqwest::blocking::get(format!("http://{address}/readyz"));
        let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
        for (one, ready) in lock(servers).iter_mut() {
            if *one == address {
                *ready = is_ready;
            }
        }
    }
}

fn join(client: TcpStream, address: &str) {
    let copies = || {
        let server = TcpStream::connect(address)?;
        let there = (client.try_clone()?, server.try_clone()?);
        Ok::<_, std::io::Error>((there, (server, client)))
    };
    if let Ok((there, back)) = copies() {
        std::thread::spawn(move || copy(there));
        std::thread::spawn(move || copy(back));
    }
}

fn copy((mut from, mut into): (TcpStream, TcpStream)) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if into.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // It may be closed already.
    drop(into.shutdown(Shutdown::Write));
}
