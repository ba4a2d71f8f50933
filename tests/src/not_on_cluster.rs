//! Tests that do not apply to a Citus cluster.

use std::io::Write;

use crate::test_server::SERVER;

/// Reason why a test does not apply to a Citus cluster. `make test-on` counts the skipped tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOnCluster {
    /// The test copies a database with distributed tables. On a cluster, that needs a copy on each
    /// node, to which no daemon is connected.
    CopiesDatabase,
    /// The test limits or reads a session, a file or a statistic of the one server with the rows.
    ReadsServerOfTheRows,
}

impl NotOnCluster {
    /// Returns whether to skip the test, and prints the reason if so.
    pub fn skips(self) -> bool {
        let skips = SERVER.citus.is_some();
        if skips {
            let reason = match self {
                Self::CopiesDatabase => "a distributed database cannot be copied as one",
                Self::ReadsServerOfTheRows => "the rows are on another server than the session",
            };
            report_skipped(reason);
        }
        skips
    }
}

/// Prints the reason why a test does not apply to the server under test. `make test-on` counts
/// these lines.
pub fn report_skipped(reason: &str) {
    // The test harness does not capture direct writes.
    let written = writeln!(std::io::stderr(), "skipped: {reason}");
    written.expect("stderr is writable");
}
