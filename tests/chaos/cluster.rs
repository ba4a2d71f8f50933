//! A PostgreSQL that can be killed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use devices_tests::Place;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};

/// A PostgreSQL with default durability and one empty database; stopped when it is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    url: String,
}

/// A row of a question: a word and a number.
#[derive(Debug, QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = Text)]
    pub(crate) word: String,
    #[diesel(sql_type = BigInt)]
    pub(crate) number: i64,
}

/// Longer than a recovery takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// Empty, whatever was there before.
    pub(crate) fn create() -> Self {
        let url = script("reset").expect("PostgreSQL can be started");
        Self { url }
    }

    /// Starts it again after it was killed.
    pub(crate) fn start(&self) {
        // The killed server's processes may still be there: the script waits for them, and so
        // does this for the script.
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = script("start") {
            assert!(Instant::now() < deadline, "{error}");
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its socket.
    pub(crate) fn place(&self) -> Place {
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

    pub(crate) fn execute(&self, sql: &str) {
        let ran = self.connect().batch_execute(sql);
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Rows with a column `word` and a column `number`.
    pub(crate) fn ask(&self, sql: &str) -> Vec<Row> {
        let rows = sql_query(sql).load(&mut self.connect());
        rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// One number.
    pub(crate) fn count(&self, what: &str) -> i64 {
        let rows = self.ask(&format!(
            "SELECT '' AS word, count(*) AS number FROM {what}"
        ));
        rows[0].number
    }

    /// Kills the postmaster and all its children, as at once as it goes.
    pub(crate) fn kill(&self) {
        let postmaster = script("pid").expect("it runs");
        let children = children(&postmaster);
        kill(&format!("{postmaster} {children}"));
    }

    /// Kills one of the processes that serve clients, which makes all the others start anew.
    /// Whether there was one.
    pub(crate) fn kill_a_backend(&self) -> bool {
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
        if let Err(error) = script("stop") {
            eprintln!("{error}");
        }
    }
}

fn script(command: &str) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
    let ran = Command::new(script)
        .args(["--name", "chaos", command])
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
