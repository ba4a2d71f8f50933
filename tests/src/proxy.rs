//! A way to the database that can be held up.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};

use crate::TestDatabase;

/// Hands on what a client and the database say to each other, or keeps it back.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    gate: Arc<Gate>,
}

impl Proxy {
    /// In front of this database.
    pub fn of(database: &TestDatabase) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
        let address = listener.local_addr().expect("it has an address");
        let dial = dialer(database);
        let gate = Arc::new(Gate::default());
        let gate_of_all = Arc::clone(&gate);
        std::thread::spawn(move || -> Result<()> {
            loop {
                let ((client, _), server) = (listener.accept()?, dial()?);
                copy(
                    client.try_clone()?,
                    server.try_clone()?,
                    Arc::clone(&gate_of_all),
                );
                copy(server, client, Arc::clone(&gate_of_all));
            }
        });
        // The last host of a URL is the one that counts.
        let separator = if database.url().contains('?') {
            '&'
        } else {
            '?'
        };
        let place = format!("host={}&port={}", address.ip(), address.port());
        let url = format!("{}{separator}{place}", database.url());
        Self { url, gate }
    }

    /// Where the database is reached by it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Keeps everything back until it is told to go on; connections stay open.
    pub fn hang(&self) {
        self.gate.set(true);
    }

    /// Hands on what was kept back, and everything from now on.
    pub fn go_on(&self) {
        self.gate.set(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.go_on();
    }
}

#[derive(Debug, Default)]
struct Gate {
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, closed: bool) {
        *self.closed.lock().expect("nobody panics with it") = closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().expect("nobody panics with it");
        let passed = self.changed.wait_while(closed, |closed| *closed);
        drop(passed.expect("nobody panics with it"));
    }
}

/// What connects to the database's server: a unix socket or a TCP connection, which read and write
/// alike.
fn dialer(database: &TestDatabase) -> impl Fn() -> Result<TcpStream> + Send + 'static {
    let ask = |what: &str| database.texts(&format!("SELECT {what}")).remove(0);
    let host = ask("coalesce(host(inet_server_addr()), '')");
    let port = ask("current_setting('port')");
    let folder = ask("split_part(current_setting('unix_socket_directories'), ',', 1)");
    move || match host.as_str() {
        "" => {
            let socket = UnixStream::connect(format!("{folder}/.s.PGSQL.{port}"))?;
            Ok(OwnedFd::from(socket).into())
        }
        host => TcpStream::connect(format!("{host}:{port}")),
    }
}

/// Copies until one end closes, and closes the other then.
fn copy(mut from: TcpStream, mut to: TcpStream, gate: Arc<Gate>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            gate.pass();
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // It may be closed already.
        drop(to.shutdown(Shutdown::Both));
    });
}
