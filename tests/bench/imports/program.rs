//! Large imports by the program `devices`, which sends a file in parts.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devices_tests::built_program;

use super::files;
use crate::report::ImportSample;
use crate::subject::Subject;

/// Rows of the files, in the order of the measurements.
pub(crate) const ROWS: [usize; 2] = [100_000, 500_000];

/// Interval at which the memory of the program is read.
const INTERVAL: Duration = Duration::from_millis(20);

/// Imports a file of this many rows.
pub(super) fn measure(subject: &Subject, rows: usize) -> ImportSample {
    let file = std::env::temp_dir().join(format!("devices-bench-{}.csv", std::process::id()));
    let written = fs::write(&file, files::csv(&files::devices(rows)));
    written.expect("the file can be written");
    let (_, api_key) = &subject.workspaces[0];
    let start = Instant::now();
    let mut program = Command::new(built_program())
        .args(["import", "--no-atomic", "--yes", "--json"])
        .arg(&file)
        .env(
            "DEVICES_URL",
            format!("http://{}", subject.services[0].address()),
        )
        .env("DEVICES_KEY", api_key)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program can be started");
    let mut peak_memory = 0;
    let status = loop {
        peak_memory = peak_memory.max(memory(program.id()));
        if let Some(status) = program.try_wait().expect("the program can be waited for") {
            break status;
        }
        std::thread::sleep(INTERVAL);
    };
    let duration = start.elapsed();
    fs::remove_file(&file).expect("the file can be removed");
    assert!(status.success(), "devices import: {status}");
    ImportSample {
        duration,
        memory_rise: peak_memory,
    }
}

/// Returns the memory that a process uses, in bytes. Linux only: elsewhere, and of a process that
/// has ended, 0.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1_024
}
