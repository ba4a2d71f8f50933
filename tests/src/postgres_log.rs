//! Log of the private PostgreSQL.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::test_server::{private_postgres, uses_private_server};

/// Name of the application in the sessions of the binary.
const APPLICATION: &str = "devices-api";

/// The log from a position on.
#[derive(Debug)]
pub(crate) struct PostgresLog {
    path: PathBuf,
    start: u64,
}

impl PostgresLog {
    /// Returns the log from now on, if the tests use the private server.
    pub(crate) fn from_now() -> Option<Self> {
        static PATH: LazyLock<Option<PathBuf>> =
            LazyLock::new(|| uses_private_server().then(|| private_postgres("log").into()));
        let path = PATH.clone()?;
        let start = std::fs::metadata(&path).expect("the log exists").len();
        Some(Self { path, start })
    }

    /// Returns the statements of the binary's sessions in a database that log them.
    pub(crate) fn statements(&self, database: &str) -> Vec<String> {
        let statement = |entry: String| {
            let (_, message) = entry.split_once(" LOG:  ")?;
            let (kind, statement) = message.split_once(": ")?;
            let is_statement = kind == "statement" || kind.starts_with("execute ");
            is_statement.then(|| statement.to_owned())
        };
        let entries = self.entries(database).into_iter();
        entries.filter_map(statement).collect()
    }

    /// Returns the entries of the binary's sessions in a database.
    pub(crate) fn entries(&self, database: &str) -> Vec<String> {
        let mut file = File::open(&self.path).expect("the log can be read");
        let moved = file.seek(SeekFrom::Start(self.start));
        moved.expect("the log can be read");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("the log can be read");
        let text = String::from_utf8_lossy(&bytes);
        let mut entries: Vec<String> = Vec::new();
        for line in text.lines() {
            match entries.last_mut() {
                // PostgreSQL begins continuation lines with a tab.
                Some(entry) if line.starts_with('\t') => entry.push_str(line),
                _ => entries.push(line.to_owned()),
            }
        }
        // The prefix of an entry ends with the database and the application.
        let session = format!("] {database}/{APPLICATION} ");
        entries.retain(|entry| entry.contains(&session));
        entries
    }
}
