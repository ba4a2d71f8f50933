//! A separate PostgreSQL server that can be killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};

use crate::ServerAddress;

/// A PostgreSQL server with default durability and one empty database. Stops when dropped.
#[derive(Debug)]
pub struct Cluster {
    name: &'static str,
    url: String,
}

/// A row of [`Cluster::query`].
#[derive(Debug, QueryableByName)]
pub struct Row {
    #[diesel(sql_type = Text)]
    /// Value of the column `word`.
    pub word: String,
    #[diesel(sql_type = BigInt)]
    /// Value of the column `number`.
    pub number: i64,
}

/// Deadline for crash recovery. Recovery takes less.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Cluster {
    /// Creates and starts an empty server. Replaces an earlier one of this name.
    pub fn create(name: &'static str) -> Self {
        let url = script(name, "reset").expect("PostgreSQL can be started");
        Self { name, url }
    }

    /// Starts the server again after it was killed.
    pub fn start(&self) {
        // Processes of the killed server may still be ending. The script waits for them, but only
        // for a while.
        let deadline = Instant::now() + TIMEOUT;
        while let Err(error) = script(self.name, "start") {
            assert!(Instant::now() < deadline, "{error}");
        }
    }

    /// Connection URL of the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address of the server's unix socket.
    pub fn server_address(&self) -> ServerAddress {
        let (_, rest) = self
            .url
            .split_once("host=")
            .expect("the URL contains the socket directory");
        let folder = rest.split('&').next().unwrap_or_default();
        let folder = PathBuf::from(folder.replace("%2F", "/"));
        ServerAddress::UnixSocket(folder.join(".s.PGSQL.5432"))
    }

    /// Connects. Retries until the server accepts connections.
    fn connect(&self) -> PgConnection {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match PgConnection::establish(&self.url) {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Executes statements that return no rows.
    pub fn execute(&self, sql: &str) {
        let result = self.connect().batch_execute(sql);
        result.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Returns the rows of a query with a column `word` and a column `number`.
    pub fn query(&self, sql: &str) -> Vec<Row> {
        let rows = sql_query(sql).load(&mut self.connect());
        rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Counts the rows of a `FROM` clause.
    pub fn count(&self, from: &str) -> i64 {
        let rows = self.query(&format!(
            "SELECT '' AS word, count(*) AS number FROM {from}"
        ));
        rows[0].number
    }

    /// Process id of the postmaster, the parent of all other processes of the server.
    pub fn postmaster_pid(&self) -> String {
        script(self.name, "pid").expect("PostgreSQL runs")
    }

    /// Kills the postmaster and all its children with one `kill`.
    pub fn kill(&self) {
        let postmaster = self.postmaster_pid();
        let children = children(&postmaster);
        signal("KILL", &format!("{postmaster} {children}"));
    }

    /// Kills a backend, preferably an active one. PostgreSQL then restarts all other backends.
    /// Returns whether there was a backend to kill.
    pub fn kill_backend(&self) -> bool {
        let backend = "SELECT '' AS word, pid::bigint AS number FROM pg_stat_activity \
                       WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
                       ORDER BY state = 'active' DESC, random() LIMIT 1";
        let backends = self.query(backend);
        for backend in &backends {
            signal("KILL", &backend.number.to_string());
        }
        !backends.is_empty()
    }
}

/// A server whose processes are stopped. They continue when this value is dropped.
#[derive(Debug)]
pub struct Suspended {
    pids: String,
}

impl Cluster {
    /// Stops all processes of the server with SIGSTOP. Their sockets stay open.
    pub fn suspend(&self) -> Suspended {
        let postmaster = self.postmaster_pid();
        // Before its children, so that it starts no more of them.
        signal("STOP", &postmaster);
        let pids = format!("{postmaster} {}", children(&postmaster));
        signal("STOP", &pids);
        Suspended { pids }
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        signal("CONT", &self.pids);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = script(self.name, "stop") {
            eprintln!("{error}");
        }
    }
}

/// Runs `scripts/postgres`. Returns the last line of its output.
fn script(name: &str, command: &str) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
    let output = Command::new(script)
        .args(["--name", name, command])
        .output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        let stdout = String::from_utf8_lossy(&output.stdout);
        Ok(stdout.lines().last().unwrap_or_default().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Process ids of the children of a process, separated by spaces.
fn children(pid: &str) -> String {
    let children = format!("/proc/{pid}/task/{pid}/children");
    std::fs::read_to_string(children).unwrap_or_else(|_| {
        let output = Command::new("pgrep").args(["-P", pid]).output();
        let pids = output.map(|output| String::from_utf8_lossy(&output.stdout).replace('\n', " "));
        pids.unwrap_or_default()
    })
}

/// Sends a signal to processes. Ignores those that have ended. Uses the `kill` of the shell: some
/// machines do not have the program.
fn signal(name: &str, pids: &str) {
    let command = format!("kill -{name} {pids} 2>/dev/null || true");
    let status = Command::new("sh").args(["-c", &command]).status();
    assert!(status.is_ok_and(|status| status.success()));
}
