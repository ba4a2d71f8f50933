//! A TCP proxy in front of PostgreSQL that can stall, delay, or drop connections around a COMMIT.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::TestDatabase;
use crate::test_server::with_parameters;

/// Forwards bytes between clients and PostgreSQL, as its mode says. Disconnects all clients when
/// dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    connections: Arc<Connections>,
}

/// Treatment of bytes and connections by a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyMode {
    /// Forwards everything.
    #[default]
    Forward,
    /// Holds everything back until the mode changes. Connections stay open.
    Stall,
    /// Forwards each read after this delay.
    Delay(Duration),
    /// Closes all connections, and new ones at once.
    Disconnect,
    /// Closes the next connection that sends COMMIT before PostgreSQL receives it. Then changes to
    /// [`Self::Forward`].
    DisconnectBeforeCommit,
    /// Closes the next connection that sends COMMIT as soon as the COMMIT is forwarded. Then
    /// changes to [`Self::Forward`].
    DisconnectDuringCommit,
    /// Closes the next connection that sends COMMIT when PostgreSQL has responded to it. Then
    /// changes to [`Self::Forward`], or to [`Self::Disconnect`].
    DisconnectAfterCommit {
        /// `true`: changes to [`Self::Disconnect`] afterwards.
        stay_disconnected: bool,
    },
}

impl Proxy {
    /// Starts a proxy in front of the server of this database.
    pub fn in_front_of(database: &TestDatabase) -> Self {
        let query = |expression: &str| database.texts(&format!("SELECT {expression}")).remove(0);
        let host = query("coalesce(host(inet_server_addr()), '')");
        let port = query("current_setting('port')");
        let folder = query("split_part(current_setting('unix_socket_directories'), ',', 1)");
        let server = match host.as_str() {
            "" => ServerAddress::UnixSocket(format!("{folder}/.s.PGSQL.{port}").into()),
            host => ServerAddress::Tcp(format!("{host}:{port}")),
        };
        Self::new(server, database.url())
    }

    /// Starts a proxy in front of `server`. `url` is the URL of a database on it.
    pub fn new(server: ServerAddress, url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let connections = Arc::new(Connections::default());
        let accepting = Arc::clone(&connections);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                // If the server does not accept, dropping the client closes its connection.
                if let (Ok(client), Ok(server)) = (client, server.connect()) {
                    drop(accepting.open(client, server));
                }
            }
        });
        let parameters = format!("host={}&port={}", address.ip(), address.port());
        let url = with_parameters(url, &parameters);
        Self { url, connections }
    }

    /// Connection URL of the database through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Current mode. Differs from the last [`Self::set_mode`] after a disconnect around a COMMIT.
    pub fn mode(&self) -> ProxyMode {
        self.connections.state().mode
    }

    /// Changes the mode of all connections.
    pub fn set_mode(&self, mode: ProxyMode) {
        self.connections.set_mode(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set_mode(ProxyMode::Disconnect);
    }
}

/// Address of a PostgreSQL server.
#[derive(Debug, Clone)]
pub enum ServerAddress {
    /// Path of a unix socket.
    UnixSocket(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl ServerAddress {
    /// Connects. Returns a unix socket as a TCP stream: both read and write alike.
    fn connect(&self) -> Result<TcpStream> {
        match self {
            Self::UnixSocket(path) => Ok(OwnedFd::from(UnixStream::connect(path)?).into()),
            Self::Tcp(address) => TcpStream::connect(address),
        }
    }
}

/// State that all connections share.
#[derive(Debug, Default)]
struct Connections {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    mode: ProxyMode,
    open: Vec<TcpStream>,
}

/// COMMIT in the protocol of PostgreSQL: a simple query, terminated by a zero byte.
const COMMIT: &[u8] = b"COMMIT\0";

/// Value that marks a statement that commits by itself. A message to PostgreSQL that contains it
/// counts as a COMMIT. It is valid in a request id.
pub const AUTOCOMMIT: &str = "commits-by-itself";

/// Returns whether bytes to PostgreSQL commit a transaction.
fn is_commit(bytes: &[u8]) -> bool {
    let mut windows = bytes.windows(AUTOCOMMIT.len());
    bytes.ends_with(COMMIT) || windows.any(|window| window == AUTOCOMMIT.as_bytes())
}

impl Connections {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the lock")
    }

    fn set_mode(&self, mode: ProxyMode) {
        let mut state = self.state();
        state.mode = mode;
        if mode == ProxyMode::Disconnect {
            for stream in state.open.drain(..) {
                // Fails if the stream is closed already.
                drop(stream.shutdown(Shutdown::Both));
            }
        }
        self.changed.notify_all();
    }

    fn open(self: &Arc<Self>, client: TcpStream, server: TcpStream) -> Result<()> {
        let mut state = self.state();
        if state.mode == ProxyMode::Disconnect {
            return Ok(());
        }
        state
            .open
            .extend([client.try_clone()?, server.try_clone()?]);
        drop(state);
        let is_committing = Arc::new(AtomicBool::new(false));
        let (connections, committing) = (Arc::clone(self), Arc::clone(&is_committing));
        let streams = (client.try_clone()?, server.try_clone()?);
        std::thread::spawn(move || connections.copy(streams, &committing, Direction::ToServer));
        let connections = Arc::clone(self);
        let streams = (server, client);
        std::thread::spawn(move || connections.copy(streams, &is_committing, Direction::ToClient));
        Ok(())
    }

    /// Copies bytes until one stream closes. Then closes the other one.
    fn copy(
        &self,
        streams: (TcpStream, TcpStream),
        is_committing: &AtomicBool,
        direction: Direction,
    ) {
        let (mut from, mut to) = streams;
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            match self.wait_for_verdict(bytes, is_committing, direction) {
                Verdict::Forward if to.write_all(bytes).is_ok() => {}
                Verdict::ForwardLast => {
                    // If the write fails, PostgreSQL has not received the COMMIT, as in the mode
                    // `DisconnectBeforeCommit`.
                    drop(to.write_all(bytes));
                    break;
                }
                _ => break,
            }
        }
        // Both fail if the streams are closed already.
        drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
    }

    /// Decides about these bytes. Blocks while the mode is `Stall`, and for the time of `Delay`.
    fn wait_for_verdict(
        &self,
        bytes: &[u8],
        is_committing: &AtomicBool,
        direction: Direction,
    ) -> Verdict {
        let mut state = self.state();
        while state.mode == ProxyMode::Stall {
            let result = self.changed.wait(state);
            state = result.expect("no thread panics with the lock");
        }
        let is_commit = direction == Direction::ToServer && is_commit(bytes);
        match state.mode {
            ProxyMode::DisconnectBeforeCommit if is_commit => {
                state.mode = ProxyMode::Forward;
                Verdict::Close
            }
            ProxyMode::DisconnectDuringCommit if is_commit => {
                state.mode = ProxyMode::Forward;
                Verdict::ForwardLast
            }
            ProxyMode::DisconnectAfterCommit { .. } if is_commit => {
                is_committing.store(true, Ordering::SeqCst);
                Verdict::Forward
            }
            ProxyMode::DisconnectAfterCommit { stay_disconnected }
                if is_committing.load(Ordering::SeqCst) =>
            {
                drop(state);
                self.set_mode(if stay_disconnected {
                    ProxyMode::Disconnect
                } else {
                    ProxyMode::Forward
                });
                Verdict::Close
            }
            ProxyMode::Delay(delay) => {
                drop(state);
                std::thread::sleep(delay);
                Verdict::Forward
            }
            ProxyMode::Disconnect => Verdict::Close,
            _ => {
                // Another connection may have changed the mode since this one sent COMMIT.
                is_committing.store(false, Ordering::SeqCst);
                Verdict::Forward
            }
        }
    }
}

/// Decision about bytes that were read.
enum Verdict {
    /// Forward them.
    Forward,
    /// Forward them and close the connection.
    ForwardLast,
    /// Close the connection without forwarding them.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}
