//! The real binary for chaos and benchmark runs, without the checks of [`Server`](crate::Server).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::isolated;
use crate::{CommandOutput, built_binary, run_executable};

/// A running server. Killed when dropped.
#[derive(Debug)]
pub struct ServerProcess {
    process: Child,
    address: String,
    metrics_url: String,
}

impl ServerProcess {
    /// Starts a server on the database at `url` with these settings (environment variables).
    /// Appends its log to `fleet-devices-chaos.log` in the temporary directory.
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
            .stderr(log.expect("the temporary directory is writable"));
        let mut process = command.spawn().expect("the binary can be run");
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("stdout can be read");
        let addresses: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the server did not start: see fleet-devices-chaos.log"));
        let text = |name: &str| addresses[name].as_str().expect("it is printed").to_owned();
        let address = text("address");
        Self {
            process,
            address: address.trim_start_matches("http://").to_owned(),
            metrics_url: text("metrics"),
        }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the number of pool connections in use. Waits up to three seconds for it to become 0.
    pub fn connections_in_use(&self) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(3);
        loop {
            let response = reqwest::blocking::get(&self.metrics_url);
            let metrics = response.and_then(reqwest::blocking::Response::text);
            let metrics = metrics.expect("the metrics can be read");
            let name = "devices_pool_connections{state=\"in_use\"}";
            let in_use = metrics.lines().find_map(|line| line.strip_prefix(name));
            let in_use = in_use.and_then(|value| value.trim().parse().ok());
            let in_use = in_use.expect("the metrics contain the pool connections");
            if in_use == 0 || Instant::now() > deadline {
                return in_use;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns the memory that the server uses, in bytes. Linux only: elsewhere, 0.
    pub fn memory(&self) -> u64 {
        self.resident_memory("VmRSS:")
    }

    /// Returns the most memory that the server has used so far, in bytes. Linux only: elsewhere, 0.
    pub fn peak_memory(&self) -> u64 {
        self.resident_memory("VmHWM:")
    }

    fn resident_memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.unwrap_or_default() * 1_024
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        // Both fail if the process has ended before.
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// Stops the server with SIGTERM. Returns whether it exited with 0.
    pub fn stop(&mut self) -> bool {
        let command = format!("kill -TERM {}", self.process.id());
        let sent = Command::new("sh").args(["-c", &command]).status();
        sent.is_ok() && self.process.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Migrates the database at `url` and creates a workspace with a WRITE key. Returns the secret of
/// the key.
pub fn set_up_workspace(url: &str) -> String {
    set_up_workspace_with(built_binary(), url)
}

/// Sets up a workspace with another build of the binary, whose schema may differ.
pub fn set_up_workspace_with(executable: &Path, url: &str) -> String {
    run_command(executable, url, "migrate");
    create_workspace_with(executable, url, "acme")
}

/// Creates a workspace with a WRITE key in a migrated database. Returns the secret of the key.
pub fn create_workspace(url: &str, name: &str) -> String {
    create_workspace_with(built_binary(), url, name)
}

fn create_workspace_with(executable: &Path, url: &str, name: &str) -> String {
    run_command(executable, url, &format!("workspace create {name}"));
    let create_key = format!("key create --json --workspace {name} --scope WRITE --name chaos");
    let created = run_command(executable, url, &create_key).json();
    let secret = created["secret"].as_str();
    secret
        .expect("the output contains the secret of a new key")
        .to_owned()
}

fn run_command(executable: &Path, url: &str, arguments: &str) -> CommandOutput {
    let output = run_executable(executable, url, &arguments.split(' ').collect::<Vec<_>>());
    assert_eq!(output.code, 0, "{output:?}");
    output
}
