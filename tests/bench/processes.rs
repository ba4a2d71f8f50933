//! What processes cost, as Linux counts it (proc(5)).

use std::fs;

/// Ticks of a clock a second: 100 on every Linux (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// Seconds that a processor has worked so far for each of those who share the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) clients: f64,
    pub(crate) server: f64,
    pub(crate) postgres: f64,
}

impl Work {
    /// Until now; `postmaster` and all its children count as one.
    pub(crate) fn until_now(servers: &[u32], postmaster: &str) -> Self {
        let mut postgres = worked(postmaster, true);
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let process = name.to_string_lossy();
            if parent(&process).as_deref() == Some(postmaster) {
                postgres += worked(&process, false);
            }
        }
        Self {
            clients: worked("self", false),
            server: servers
                .iter()
                .map(|server| worked(&server.to_string(), false))
                .sum(),
            postgres,
        }
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            clients: self.clients - earlier.clients,
            server: self.server - earlier.server,
            postgres: self.postgres - earlier.postgres,
        }
    }
}

/// The fields of /proc/PID/stat that come after the program's name, from the third on.
fn stat(process: &str) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().map(str::to_owned).collect()
}

fn parent(process: &str) -> Option<String> {
    stat(process).get(1).cloned()
}

fn worked(process: &str, with_ended_children: bool) -> f64 {
    let stat = stat(process);
    let fields = if with_ended_children { 11..15 } else { 11..13 };
    let ticks = stat.get(fields).into_iter().flatten();
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

/// Forgets what a process held at most until now.
pub(crate) fn forget_peak(process: u32) {
    // Where that is not allowed, the peak is of all that came before, too.
    drop(fs::write(format!("/proc/{process}/clear_refs"), "5"));
}

/// The most memory that a process held, in bytes.
pub(crate) fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
