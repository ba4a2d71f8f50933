//! A way to the database that can be held up, slowed down, and cut at the worst moment.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::TestDatabase;
use crate::database::with_parameters;

/// Hands on what a client and the database say to each other, or does what it is told to.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    line: Arc<Line>,
}

/// What becomes of what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Treatment {
    /// It is handed on.
    #[default]
    HandOn,
    /// It is kept back until the treatment changes; connections stay open.
    Hang,
    /// It is handed on after this time, piece by piece.
    Delay(Duration),
    /// Connections are cut, and new ones at once.
    Cut,
    /// The next connection to say COMMIT is cut before the database hears it; then all is handed on.
    CutBeforeCommit,
    /// The next connection to say COMMIT is cut as soon as the database hears it; then all is handed
    /// on.
    CutInCommit,
    /// The next connection to say COMMIT is cut when the database has answered it; then, as this
    /// says, all is handed on again, or all is cut.
    CutAfterCommit {
        /// Whether nothing comes through from then on.
        and_stay_cut: bool,
    },
}

impl Proxy {
    /// In front of this database.
    pub fn of(database: &TestDatabase) -> Self {
        let ask = |what: &str| database.texts(&format!("SELECT {what}")).remove(0);
        let host = ask("coalesce(host(inet_server_addr()), '')");
        let port = ask("current_setting('port')");
        let folder = ask("split_part(current_setting('unix_socket_directories'), ',', 1)");
        let server = match host.as_str() {
            "" => Place::Socket(format!("{folder}/.s.PGSQL.{port}").into()),
            host => Place::Address(format!("{host}:{port}")),
        };
        Self::to(server, database.url())
    }

    /// In front of the server that listens at `server`, and that `url` leads to.
    pub fn to(server: Place, url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
        let address = listener.local_addr().expect("it has an address");
        let line = Arc::new(Line::default());
        let accepting = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                // A server that is away is one that cuts its connections.
                if let (Ok(client), Ok(server)) = (client, server.dial()) {
                    drop(accepting.connect(client, server));
                }
            }
        });
        let place = format!("host={}&port={}", address.ip(), address.port());
        let url = with_parameters(url, &place);
        Self { url, line }
    }

    /// Where the database is reached by it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How it treats what is said now: another way than it was told, once a COMMIT was cut.
    pub fn treatment(&self) -> Treatment {
        self.line.state().treatment
    }

    /// From now on.
    pub fn treat(&self, treatment: Treatment) {
        self.line.treat(treatment);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.treat(Treatment::Cut);
    }
}

/// Where a server listens.
#[derive(Debug, Clone)]
pub enum Place {
    /// At a unix socket.
    Socket(PathBuf),
    /// At a host and port.
    Address(String),
}

impl Place {
    /// A unix socket and a TCP connection read and write alike.
    fn dial(&self) -> Result<TcpStream> {
        match self {
            Self::Socket(path) => Ok(OwnedFd::from(UnixStream::connect(path)?).into()),
            Self::Address(address) => TcpStream::connect(address),
        }
    }
}

/// What all connections share.
#[derive(Debug, Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    treatment: Treatment,
    open: Vec<TcpStream>,
}

/// How PostgreSQL's clients say it: a simple query, ended by a zero.
const COMMIT: &[u8] = b"COMMIT\0";

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    fn treat(&self, treatment: Treatment) {
        let mut state = self.state();
        state.treatment = treatment;
        if treatment == Treatment::Cut {
            for stream in state.open.drain(..) {
                // It may be closed already.
                drop(stream.shutdown(Shutdown::Both));
            }
        }
        self.changed.notify_all();
    }

    fn connect(self: &Arc<Self>, client: TcpStream, server: TcpStream) -> Result<()> {
        let mut state = self.state();
        if state.treatment == Treatment::Cut {
            return Ok(());
        }
        state
            .open
            .extend([client.try_clone()?, server.try_clone()?]);
        drop(state);
        let is_committing = Arc::new(AtomicBool::new(false));
        let (line, committing) = (Arc::clone(self), Arc::clone(&is_committing));
        let ends = (client.try_clone()?, server.try_clone()?);
        std::thread::spawn(move || line.copy(ends, &committing, Direction::ToServer));
        let line = Arc::clone(self);
        let ends = (server, client);
        std::thread::spawn(move || line.copy(ends, &is_committing, Direction::ToClient));
        Ok(())
    }

    /// Copies until one end closes, and closes the other then.
    fn copy(&self, ends: (TcpStream, TcpStream), is_committing: &AtomicBool, to: Direction) {
        let (mut from, mut into) = ends;
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let said = &bytes[..count];
            match self.may_pass(said, is_committing, to) {
                Passage::Free if into.write_all(said).is_ok() => {}
                Passage::AtLast => {
                    // Where it fails the database has not heard it, which is another case.
                    drop(into.write_all(said));
                    break;
                }
                _ => break,
            }
        }
        // They may be closed already.
        drop((from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both)));
    }

    /// Waits as long as it must.
    fn may_pass(&self, said: &[u8], is_committing: &AtomicBool, to: Direction) -> Passage {
        let mut state = self.state();
        while state.treatment == Treatment::Hang {
            let waited = self.changed.wait(state);
            state = waited.expect("nobody panics with it");
        }
        let commits = to == Direction::ToServer && said.ends_with(COMMIT);
        match state.treatment {
            Treatment::CutBeforeCommit if commits => {
                state.treatment = Treatment::HandOn;
                Passage::None
            }
            Treatment::CutInCommit if commits => {
                state.treatment = Treatment::HandOn;
                Passage::AtLast
            }
            Treatment::CutAfterCommit { .. } if commits => {
                is_committing.store(true, Ordering::SeqCst);
                Passage::Free
            }
            Treatment::CutAfterCommit { and_stay_cut } if is_committing.load(Ordering::SeqCst) => {
                drop(state);
                self.treat(match and_stay_cut {
                    true => Treatment::Cut,
                    false => Treatment::HandOn,
                });
                Passage::None
            }
            Treatment::Delay(time) => {
                drop(state);
                std::thread::sleep(time);
                Passage::Free
            }
            Treatment::Cut => Passage::None,
            _ => {
                // An earlier COMMIT is answered.
                is_committing.store(false, Ordering::SeqCst);
                Passage::Free
            }
        }
    }
}

/// Whether something may pass.
enum Passage {
    /// It may.
    Free,
    /// It may, and nothing after it.
    AtLast,
    /// It may not, nor may anything after it.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}
