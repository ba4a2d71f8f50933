//! CPU time and memory of processes, from Linux's `/proc` (proc(5)).

use std::fs;

use crate::load::{Window, measure};
use crate::report::{Cell, Kind};

/// Clock ticks per second: 100 on every Linux (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processes that share the machine with the clients, which are this process.
#[derive(Debug)]
pub(crate) struct Processes {
    pub(crate) servers: Vec<u32>,
    /// `None` if PostgreSQL may run on other machines.
    pub(crate) postmaster: Option<String>,
}

impl Processes {
    /// Runs the workers for the duration of the window, and measures the CPU time meanwhile.
    pub(crate) fn measure<W: FnMut() -> bool + Send>(
        &self,
        kind: Kind,
        batch: usize,
        window: Window,
        mut workers: Vec<W>,
    ) -> Cell {
        self.servers.iter().copied().for_each(reset_peak_memory);
        let clients = workers.len();
        let before = self.cpu_time();
        let sample = measure(window, batch, &mut workers);
        let cpu = self.cpu_time().since(before);
        Cell::new((kind, batch, clients), sample, cpu)
    }

    /// Reads the CPU time used until now.
    pub(crate) fn cpu_time(&self) -> CpuTime {
        let servers = self.servers.iter().map(u32::to_string);
        CpuTime {
            clients: cpu_seconds("self", false),
            server: servers.map(|server| cpu_seconds(&server, false)).sum(),
            postgres: self.postmaster.as_deref().map(cpu_seconds_of_postgres),
        }
    }
}

/// CPU time in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CpuTime {
    pub(crate) clients: f64,
    pub(crate) server: f64,
    /// `None` if PostgreSQL may run on other machines.
    pub(crate) postgres: Option<f64>,
}

impl CpuTime {
    /// Returns the CPU time used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        let postgres = self.postgres.zip(earlier.postgres);
        Self {
            clients: self.clients - earlier.clients,
            server: self.server - earlier.server,
            postgres: postgres.map(|(now, earlier)| now - earlier),
        }
    }
}

/// Sum of the postmaster and its children, including those that have ended.
fn cpu_seconds_of_postgres(postmaster: &str) -> f64 {
    let mut seconds = cpu_seconds(postmaster, true);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_string_lossy();
        if parent(&process).as_deref() == Some(postmaster) {
            seconds += cpu_seconds(&process, false);
        }
    }
    seconds
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
fn reset_peak_memory(process: u32) {
    // Where this is not permitted, the peak includes everything before.
    drop(fs::write(format!("/proc/{process}/clear_refs"), "5"));
}
