//! A PostgreSQL of its own, that can be killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};

use crate::Place;

/// A PostgreSQL with default durability and one empty database; stopped when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    name: &'static str,
    url: String,
}

/// A row of a question: a word and a number.
#[derive(Debug, QueryableByName)]
pub struct Row {
    #[diesel(sql_type = Text)]
    /// The word.
    pub word: String,
    #[diesel(sql_type = BigInt)]
    /// The number.
    pub number: i64,
}

/// Longer than a recovery takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// Empty, whatever was there before under this name.
    pub fn create(name: &'static str) -> Self {
        let url = script(name, "reset").expect("PostgreSQL can be started");
        Self { name, url }
    }

    /// Starts it again after it was killed.
    pub fn start(&self) {
        // The killed server's processes may still be there: the script waits for them, and so
        // does this for the script.
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = script(self.name, "start") {
            assert!(Instant::now() < deadline, "{error}");
        }
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its socket.
    pub fn place(&self) -> Place {
        let (_, rest) = self
            .url
            .split_once("host=")
            .expect("the URL names a folder");
        let folder = rest.split('&').next().unwrap_or_default();
        let folder = PathBuf::from(folder.replace("%2F", "/"));
        Place::Socket(folder.join(".s.PGSQL.5432"))
    }

    /// A connection, as soon as it takes one.
    fn connect(&self) -> PgConnection {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match PgConnection::establish(&self.url) {
                Ok(connection) => return connection,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs statements that return nothing.
    pub fn execute(&self, sql: &str) {
        let ran = self.connect().batch_execute(sql);
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Rows with a column `word` and a column `number`.
    pub fn ask(&self, sql: &str) -> Vec<Row> {
        let rows = sql_query(sql).load(&mut self.connect());
        rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// One number.
    pub fn count(&self, what: &str) -> i64 {
        let rows = self.ask(&format!(
            "SELECT '' AS word, count(*) AS number FROM {what}"
        ));
        rows[0].number
    }

    /// The number of its first process, of which all others are children.
    pub fn postmaster(&self) -> String {
        script(self.name, "pid").expect("it runs")
    }

    /// Kills the postmaster and all its children, as at once as it goes.
    pub fn kill(&self) {
        let postmaster = self.postmaster();
        let children = children(&postmaster);
        kill(&format!("{postmaster} {children}"));
    }

    /// Kills one of the processes that serve clients, which makes all the others start anew.
    /// Whether there was one.
    pub fn kill_a_backend(&self) -> bool {
        let busy = "SELECT '' AS word, pid::bigint AS number FROM pg_stat_activity \
                    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
                    ORDER BY state = 'active' DESC, random() LIMIT 1";
        let found = self.ask(busy);
        found
            .iter()
            .for_each(|backend| kill(&backend.number.to_string()));
        !found.is_empty()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = script(self.name, "stop") {
            eprintln!("{error}");
        }
    }
}

fn script(name: &str, command: &str) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
    let ran = Command::new(script)
        .args(["--name", name, command])
        .output();
    let ran = ran.map_err(|error| error.to_string())?;
    let output = String::from_utf8_lossy(&ran.stdout);
    match ran.status.success() {
        true => Ok(output.lines().last().unwrap_or_default().to_owned()),
        false => Err(String::from_utf8_lossy(&ran.stderr).into_owned()),
    }
}

/// The numbers of a process's children.
fn children(process: &str) -> String {
    let listed = format!("/proc/{process}/task/{process}/children");
    std::fs::read_to_string(listed).unwrap_or_else(|_| {
        let found = Command::new("pgrep").args(["-P", process]).output();
        let found = found.map(|found| String::from_utf8_lossy(&found.stdout).replace('\n', " "));
        found.unwrap_or_default()
    })
}

/// The shell's own `kill`: the program is not on every machine. One that is gone is none.
fn kill(processes: &str) {
    let command = format!("kill -KILL {processes} 2>/dev/null || true");
    let ran = Command::new("sh").args(["-c", &command]).status();
    assert!(ran.is_ok_and(|status| status.success()));
}
