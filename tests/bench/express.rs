//! Peer of the service: a plain Express handler with node-postgres.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::postgres_server::execute;

/// Same columns as the service's table, with the indexes of a plain application.
const TABLE: &str = "
    CREATE SCHEMA express;
    CREATE TABLE express.devices (LIKE public.devices INCLUDING DEFAULTS INCLUDING IDENTITY);
    ALTER TABLE express.devices ADD PRIMARY KEY (id);
    CREATE UNIQUE INDEX ON express.devices (workspace_id, serial_number_folded)";

/// A running Express server. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Express {
    process: Child,
    address: String,
    url: String,
}

impl Express {
    /// Installs the packages if necessary, and starts a server with its own table in the database.
    /// Returns `None` and prints the reason if that is impossible.
    pub(crate) fn start(url: &str) -> Option<Self> {
        let directory = install();
        let directory = directory.inspect_err(|reason| eprintln!("skipping Express: {reason}"));
        let server = directory.ok()?.join("server.js");
        execute(url, TABLE);
        let mut process = Command::new("node")
            .arg(server)
            .env(
                "DATABASE_URL",
                format!("{url}&options=-c%20search_path%3Dexpress"),
            )
            .env("NODE_ENV", "production")
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be run");
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut port = String::new();
        let read = BufReader::new(stdout).read_line(&mut port);
        read.expect("stdout can be read");
        Some(Self {
            process,
            address: format!("127.0.0.1:{}", port.trim()),
            url: url.to_owned(),
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn reset(&self) {
        execute(&self.url, "TRUNCATE express.devices");
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        // Both fail if the process has ended before.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Returns the directory with the server and its packages, or the reason why there is none.
fn install() -> Result<PathBuf, String> {
    for program in ["node", "npm"] {
        let version = Command::new(program).arg("--version").output();
        version.map_err(|_| format!("{program} is not installed"))?;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/tool");
    let output = Command::new(script).arg("express").output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().into())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}
