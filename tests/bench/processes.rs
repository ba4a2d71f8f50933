//! CPU time and memory of processes, from Linux's `/proc` (proc(5)).

use std::fs;

/// Clock ticks per second: 100 on every Linux (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds used so far by the processes that share the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CpuTime {
    pub(crate) clients: f64,
    pub(crate) server: f64,
    pub(crate) postgres: f64,
}

impl CpuTime {
    /// Reads the CPU time used until now. `postgres` is the sum of the postmaster and its children,
    /// including those that have ended.
    pub(crate) fn now(servers: &[u32], postmaster: &str) -> Self {
        let mut postgres = cpu_seconds(postmaster, true);
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let process = name.to_string_lossy();
            if parent(&process).as_deref() == Some(postmaster) {
                postgres += cpu_seconds(&process, false);
            }
        }
        Self {
            clients: cpu_seconds("self", false),
            server: servers
                .iter()
                .map(|server| cpu_seconds(&server.to_string(), false))
                .sum(),
            postgres,
        }
    }

    /// Returns the CPU time used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            clients: self.clients - earlier.clients,
            server: self.server - earlier.server,
            postgres: self.postgres - earlier.postgres,
        }
    }
}

/// Fields of `/proc/PID/stat` after the program's name, that is from the third one on.
fn stat(process: &str) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    after_name.split_whitespace().map(str::to_owned).collect()
}

fn parent(process: &str) -> Option<String> {
    stat(process).get(1).cloned()
}

fn cpu_seconds(process: &str, with_ended_children: bool) -> f64 {
    let stat = stat(process);
    let fields = if with_ended_children { 11..15 } else { 11..13 };
    let ticks = stat.get(fields).into_iter().flatten();
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_PER_SECOND
}

/// Resets the peak memory of a process.
pub(crate) fn reset_peak_memory(process: u32) {
    // Where this is not permitted, the peak includes everything before.
    drop(fs::write(format!("/proc/{process}/clear_refs"), "5"));
}
