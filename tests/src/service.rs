//! The real binary, serving a database until it is killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::isolated;
use crate::{built_binary, run_executable};

/// A server; killed when it is dropped.
#[derive(Debug)]
pub struct Service {
    process: Child,
    address: String,
    figures: String,
}

impl Service {
    /// Serves the database at `url` with these settings. Its log is added to `chaos.log` in the
    /// temporary folder.
    pub fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_executable(built_binary(), url, settings)
    }

    /// Starts another build of the binary.
    pub fn start_executable(executable: &Path, url: &str, settings: &[(&str, &str)]) -> Self {
        let log = std::env::temp_dir().join("fleet-devices-chaos.log");
        let log = File::options().create(true).append(true).open(&log);
        let mut command = isolated(executable);
        command
            .env("DEVICES__DATABASE__URL", url)
            .env("DEVICES__SERVER__PORT", "0")
            .env("DEVICES__LOG__LEVEL", "warn")
            .envs(settings.iter().copied())
            .args(["serve", "--json"])
            .stdout(Stdio::piped())
            .stderr(log.expect("the temporary folder can be written to"));
        let mut process = command.spawn().expect("the binary can be run");
        let stdout = process.stdout.take().expect("it is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("the server can be heard");
        let told: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the server did not start: see fleet-devices-chaos.log"));
        let text = |name: &str| told[name].as_str().expect("it is told").to_owned();
        let address = text("address");
        Self {
            process,
            address: address.trim_start_matches("http://").to_owned(),
            figures: text("metrics"),
        }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many connections of its pool are in use once those that are given back have been.
    pub fn connections_in_use(&self) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(3);
        loop {
            let answer = reqwest::blocking::get(&self.figures).and_then(|answer| answer.text());
            let figures = answer.expect("the figures can be asked for");
            let name = "devices_pool_connections{state=\"in_use\"}";
            let in_use = figures.lines().find_map(|line| line.strip_prefix(name));
            let in_use = in_use.and_then(|value| value.trim().parse().ok());
            let in_use = in_use.expect("connections are counted");
            if in_use == 0 || Instant::now() > deadline {
                return in_use;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Without a warning.
    pub fn kill(&mut self) {
        // It may have ended before.
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// In good order; whether that is how it ended.
    pub fn stop(&mut self) -> bool {
        let command = format!("kill -TERM {}", self.process.id());
        let told = Command::new("sh").args(["-c", &command]).status();
        told.is_ok() && self.process.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A workspace with a key; the key's secret.
pub fn prepare(url: &str) -> String {
    prepare_with(built_binary(), url)
}

/// Prepares the database with another build of the binary, whose schema may differ.
pub fn prepare_with(executable: &Path, url: &str) -> String {
    let run = |arguments: &str| {
        let ran = run_executable(executable, url, &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    };
    run("migrate");
    run("workspace create acme");
    let created = run("key create --json --workspace acme --scope WRITE --name chaos").json();
    let secret = created["secret"].as_str();
    secret.expect("a new key shows its secret").to_owned()
}
