//! The programs of `examples/sync`, which store the exports of device managements.

mod failures;
mod storing;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use devices_tests::{Api, CommandOutput};
use serde_json::Value;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/sync");

/// A program with its example of an export.
struct Program {
    name: &'static str,
    /// Devices of the example that are stored.
    stored: usize,
    /// Lines of the report: reference, outcome and reason.
    report: &'static [(&'static str, &'static str)],
}

const INTUNE: Program = Program {
    name: "intune",
    stored: 5,
    report: &[
        (
            "00000000-0000-4000-8000-000000000003",
            "without user_email (unknown_user)",
        ),
        ("00000000-0000-4000-8000-000000000006", "failed (duplicate)"),
        (
            "00000000-0000-4000-8000-000000000007",
            "failed (placeholder)",
        ),
        (
            "00000000-0000-4000-8000-000000000008",
            "failed (placeholder)",
        ),
        (
            "00000000-0000-4000-8000-000000000009",
            "failed (no_match_key)",
        ),
    ],
};

const JAMF: Program = Program {
    name: "jamf",
    stored: 4,
    report: &[
        ("103", "without client_purchase_price (malformed)"),
        ("104", "without user_email (unknown_user)"),
        ("105", "failed (placeholder)"),
        ("106", "failed (no_match_key)"),
    ],
};

impl Program {
    fn failed(&self) -> usize {
        let report = self.report.iter();
        report
            .filter(|(_, outcome)| outcome.starts_with("failed"))
            .count()
    }

    /// Reads the example of an export.
    fn export(&self) -> Value {
        let export = std::fs::read(Path::new(EXAMPLES).join(self.name).with_extension("json"));
        serde_json::from_slice(&export.unwrap()).unwrap()
    }

    /// Runs the program on an export. Needs `python3`, which `make test` requires.
    fn run(&self, url: &str, key: &str, export: &Value) -> CommandOutput {
        let file = TemporaryFile::new(export);
        let mut command = self.command();
        command.arg(&file.0).env("FLEET_URL", url);
        run(command.env("FLEET_KEY", key))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("python3");
        command
            .arg(Path::new(EXAMPLES).join(self.name).with_extension("py"))
            .env_remove("FLEET_URL")
            .env_remove("FLEET_KEY")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Runs the program on an export and the server of a test.
    fn sync_export(&self, api: &Api, export: &Value) -> Sync {
        let output = self.run(&api.server.url(""), &api.key, export);
        Sync::from(output)
    }

    /// Runs the program on its example.
    fn sync(&self, api: &Api) -> Sync {
        self.sync_export(api, &self.export())
    }
}

fn run(command: &mut Command) -> CommandOutput {
    let output = command.output();
    let output = output.expect("python3 is installed, see scripts/dependencies");
    CommandOutput::from(output)
}

/// A file that is deleted when dropped.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(content: &Value) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("devices-sync-{}-{number}.json", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        std::fs::write(&file.0, content.to_string()).unwrap();
        file
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// Output of a program that reached the server.
#[derive(Debug)]
struct Sync {
    code: i32,
    /// Summary without the batches.
    summary: String,
    batches: Vec<String>,
    /// Reference and outcome of each line, sorted.
    report: Vec<(String, String)>,
}

impl From<CommandOutput> for Sync {
    fn from(output: CommandOutput) -> Self {
        let summary = output.stdout.trim_end().split_once("; batches: ");
        let (summary, batches) = summary.unwrap_or_else(|| panic!("no summary in {output:?}"));
        let batches = batches.split(' ').filter(|batch| *batch != "none");
        let lines = output.stderr.lines().map(|line| {
            let mut parts = line.splitn(3, ": ").map(str::to_owned);
            (parts.next().unwrap(), parts.next().unwrap())
        });
        let mut report: Vec<_> = lines.collect();
        report.sort();
        Self {
            code: output.code,
            summary: summary.to_owned(),
            batches: batches.map(str::to_owned).collect(),
            report,
        }
    }
}

fn summary(created: usize, updated: usize, unchanged: usize, failed: usize) -> String {
    format!("created {created}, updated {updated}, unchanged {unchanged}, failed {failed}")
}

/// Starts a server whose workspace has the users of the examples, except the unknown ones.
fn api_with_users() -> Api {
    let api = Api::start();
    for user in ["ada", "grace", "alan"] {
        api.add_user("acme", &format!("{user}@example.com"));
    }
    api
}

fn device_with_serial(api: &Api, serial_number: &str) -> Value {
    let devices = api.get_json(&format!("/devices?serial_number={serial_number}"));
    devices["data"][0].clone()
}
