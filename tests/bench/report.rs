//! Measurements of a run, printed as a table and written as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use devices_tests::Cluster;
use serde_json::{Value, json};

use crate::copy_connections;
use crate::load::Sample;
use crate::processes::CpuTime;

/// Operation that a window measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The service.
    Service,
    /// The service, served by the executable of `--baseline`.
    Baseline,
    /// Binary COPY with ids reserved beforehand.
    Copy,
    /// Prepared INSERT of one row.
    Insert,
    /// The service, with devices that have three invalid fields each.
    Rejected,
    /// HTTP handler that parses the JSON body and discards the result.
    Parse,
    /// HTTP handler that returns the body.
    Echo,
    /// The service with empty tables, measured in turn with `Filled` for this number of devices.
    EmptyControl(usize),
    /// The service with this number of devices stored.
    Filled(usize),
}

impl Kind {
    pub(crate) fn name(self) -> String {
        let name = match self {
            Self::Service => "service",
            Self::Baseline => "baseline",
            Self::Copy => "copy",
            Self::Insert => "insert",
            Self::Rejected => "rejected",
            Self::Parse => "parse",
            Self::Echo => "echo",
            Self::EmptyControl(devices) => return format!("empty, with {devices}"),
            Self::Filled(devices) => return format!("{devices} stored"),
        };
        name.to_owned()
    }
}

/// Measurement of one window.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    kind: Kind,
    batch: usize,
    /// Number of clients, or of connections to PostgreSQL.
    clients: usize,
    sample: Sample,
    /// Peak memory of the server, in bytes; of several servers, the largest.
    pub(crate) peak_memory: Option<u64>,
    /// CPU time used during the window.
    pub(crate) cpu: Option<CpuTime>,
}

impl Cell {
    pub(crate) fn new(kind: Kind, batch: usize, clients: usize, sample: Sample) -> Self {
        Self {
            kind,
            batch,
            clients,
            sample,
            peak_memory: None,
            cpu: None,
        }
    }
}

/// All windows of a run.
#[derive(Debug)]
pub(crate) struct Report {
    settings: BTreeMap<String, String>,
    cells: Vec<Cell>,
}

/// PostgreSQL settings that determine the duration of a COMMIT, and others that readers need to
/// compare runs.
const SETTINGS: &str = "'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', \
                        'wal_level', 'shared_buffers', 'max_wal_size', 'checkpoint_timeout', \
                        'wal_buffers', 'max_connections'";

/// Required ratio or limit, and the measured value.
struct Target {
    name: String,
    /// `None` if the run did not measure it.
    measured: Option<f64>,
    required: &'static str,
}

impl Target {
    fn new(name: impl Into<String>, measured: Option<f64>, required: &'static str) -> Self {
        Self {
            name: name.into(),
            measured,
            required,
        }
    }
}

impl Report {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let rows = cluster.query(&format!(
            "SELECT name || '=' || current_setting(name) AS word, 0::bigint AS number \
             FROM pg_settings WHERE name IN ({SETTINGS}) ORDER BY name"
        ));
        let settings = rows.iter().filter_map(|row| row.word.split_once('='));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            settings: settings.map(owned).collect(),
            cells: Vec::new(),
        }
    }

    /// Adds a measurement and prints it as progress.
    pub(crate) fn add(&mut self, cell: Cell) {
        eprintln!(
            "  {:<22} {:>5} per batch, {:>2} clients: {:>8.0} devices/s",
            cell.kind.name(),
            cell.batch,
            cell.clients,
            cell.sample.rate
        );
        self.cells.push(cell);
    }

    pub(crate) fn errors(&self) -> usize {
        self.cells.iter().map(|cell| cell.sample.errors).sum()
    }

    /// Groups the rounds of the same measurement.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for cell in &self.cells {
            let key = (cell.kind, cell.batch, cell.clients);
            match groups.iter_mut().find(|group| group.key() == key) {
                Some(group) => group.0.push(cell),
                None => groups.push(Group(vec![cell])),
            }
        }
        groups.sort_by_key(Group::key);
        groups
    }

    fn group(&self, kind: Kind, batch: usize, clients: usize) -> Option<Group<'_>> {
        let mut groups = self.groups().into_iter();
        groups.find(|group| group.key() == (kind, batch, clients))
    }

    /// Returns the throughput of the service relative to that of a ceiling.
    fn ratio(
        &self,
        batch: usize,
        clients: usize,
        ceiling: Kind,
        connections: usize,
    ) -> Option<f64> {
        let service = self.group(Kind::Service, batch, clients)?;
        Some(service.rate() / self.group(ceiling, batch, connections)?.rate())
    }

    fn targets(&self) -> Vec<Target> {
        let service = |batch, clients| self.group(Kind::Service, batch, clients);
        let mut targets = vec![
            Target::new(
                "rate : COPY on 2 connections, 1,000 per batch, 8 clients",
                self.ratio(1_000, 8, Kind::Copy, 2),
                "at least 0.8",
            ),
            Target::new(
                "rate : COPY on 2 connections, 100 per batch, 8 clients",
                self.ratio(100, 8, Kind::Copy, 2),
                "at least 0.7",
            ),
            Target::new(
                "rate : INSERT on 32 connections, 1 per batch, 32 clients",
                self.ratio(1, 32, Kind::Insert, 32),
                "at least 0.6",
            ),
            Target::new(
                "p99 : p50, 100 per batch, 8 clients",
                service(100, 8).map(|group| group.p99() / group.p50()),
                "at most 2.5",
            ),
            Target::new(
                "peak memory in MB, 1,000 per batch, 32 clients",
                service(1_000, 32).and_then(|group| group.peak_memory()),
                "at most 200",
            ),
            Target::new(
                "p50 of a rejected batch : accepted, 1,000 per batch",
                self.group(Kind::Rejected, 1_000, 1)
                    .zip(service(1_000, 1))
                    .map(|(rejected, accepted)| rejected.p50() / accepted.p50()),
                "at most 1.0",
            ),
        ];
        for group in self.groups() {
            let (Kind::Filled(devices), batch, clients) = group.key() else {
                continue;
            };
            let empty = self.group(Kind::EmptyControl(devices), batch, clients);
            targets.push(Target::new(
                format!("rate with {devices} devices stored : none"),
                empty.map(|empty| group.rate() / empty.rate()),
                "at least 0.8",
            ));
        }
        targets
    }

    /// Pairs the service with the baseline, where one was measured.
    fn comparisons(&self) -> Vec<Comparison<'_>> {
        let baselines = self.groups().into_iter().filter_map(|baseline| {
            let (Kind::Baseline, batch, clients) = baseline.key() else {
                return None;
            };
            let service = self.group(Kind::Service, batch, clients)?;
            Some(Comparison { service, baseline })
        });
        baselines.collect()
    }

    /// Writes every window to a JSON file.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let windows = self.cells.iter().map(|cell| {
            json!({
                "kind": cell.kind.name(),
                "batch": cell.batch,
                "clients": cell.clients,
                "devices_per_second": cell.sample.rate,
                "p50_ms": milliseconds(cell.sample.p50),
                "p99_ms": milliseconds(cell.sample.p99),
                "errors": cell.sample.errors,
                "devices": cell.sample.devices,
                "peak_memory_bytes": cell.peak_memory,
                "cpu_seconds": cell.cpu.map(|cpu| json!({
                    "clients": cpu.clients, "server": cpu.server, "postgres": cpu.postgres,
                })),
            })
        });
        let targets = self.targets().into_iter().map(|target| {
            json!({
                "name": target.name, "measured": target.measured, "required": target.required,
            })
        });
        let report = json!({
            "postgresql": self.settings,
            "targets": targets.collect::<Vec<Value>>(),
            "windows": windows.collect::<Vec<Value>>(),
        });
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(file, format!("{report:#}\n"))
    }

    fn fmt_windows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24} {:>6} {:>8} {:>10} {:>7} {:>9} {:>9} {:>7} {:>8} {:>18}  ratio",
            "measured",
            "batch",
            "clients",
            "devices/s",
            "spread",
            "p50 ms",
            "p99 ms",
            "errors",
            "peak MB",
            "CPU us per device"
        )?;
        for group in self.groups() {
            let (kind, batch, clients) = group.key();
            let ratios = match kind {
                Kind::Service => self.ratios(batch, clients),
                _ => String::new(),
            };
            writeln!(
                f,
                "{:<24} {:>6} {:>8} {:>10.0} {:>6.0}% {:>9.2} {:>9.2} {:>7} {:>8} {:>18}  {ratios}",
                kind.name(),
                batch,
                clients,
                group.rate(),
                group.spread() * 100.0,
                group.p50(),
                group.p99(),
                group.errors(),
                group
                    .peak_memory()
                    .map_or_else(String::new, |peak| format!("{peak:.0}")),
                group
                    .cpu()
                    .map_or_else(String::new, |[clients, server, postgres]| {
                        format!("{clients:.1}+{server:.1}+{postgres:.1}")
                    }),
            )?;
        }
        writeln!(
            f,
            "Medians of the rounds. spread: (max - min) : median of devices/s. CPU: clients + \
             server + PostgreSQL."
        )
    }

    /// Formats the ratios of a service window to its ceilings.
    fn ratios(&self, batch: usize, clients: usize) -> String {
        let copy = self.ratio(batch, clients, Kind::Copy, copy_connections(clients));
        let insert = self.ratio(batch, clients, Kind::Insert, clients);
        [(copy, "COPY"), (insert, "INSERT")]
            .iter()
            .filter_map(|(ratio, name)| Some(format!("{:.2} of {name}", (*ratio)?)))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Rounds of the same measurement.
struct Group<'a>(Vec<&'a Cell>);

impl Group<'_> {
    fn key(&self) -> (Kind, usize, usize) {
        let cell = self.0[0];
        (cell.kind, cell.batch, cell.clients)
    }

    fn median(&self, value: impl Fn(&Cell) -> f64) -> f64 {
        let values = sorted(self.0.iter().map(|cell| value(cell)));
        values[values.len() / 2]
    }

    /// Devices per second.
    fn rate(&self) -> f64 {
        self.median(|cell| cell.sample.rate)
    }

    /// Difference between the fastest and the slowest round, relative to the median.
    fn spread(&self) -> f64 {
        let rates = sorted(self.0.iter().map(|cell| cell.sample.rate));
        (rates[rates.len() - 1] - rates[0]) / self.rate()
    }

    /// Milliseconds.
    fn p50(&self) -> f64 {
        self.median(|cell| milliseconds(cell.sample.p50))
    }

    /// Milliseconds.
    fn p99(&self) -> f64 {
        self.median(|cell| milliseconds(cell.sample.p99))
    }

    fn errors(&self) -> usize {
        self.0.iter().map(|cell| cell.sample.errors).sum()
    }

    /// Maximum of all rounds, in megabytes (10^6 bytes).
    fn peak_memory(&self) -> Option<f64> {
        let peaks = self.0.iter().filter_map(|cell| cell.peak_memory);
        peaks.max().map(|peak| peak as f64 / 1e6)
    }

    /// CPU microseconds per device, of clients, server and PostgreSQL.
    fn cpu(&self) -> Option<[f64; 3]> {
        self.0[0].cpu?;
        let parts: [fn(CpuTime) -> f64; 3] =
            [|cpu| cpu.clients, |cpu| cpu.server, |cpu| cpu.postgres];
        let per_device = |part: fn(CpuTime) -> f64| {
            self.median(|cell| {
                let devices = cell.sample.devices.max(1) as f64;
                1e6 * cell.cpu.map_or(0.0, part) / devices
            })
        };
        Some(parts.map(per_device))
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The service and the baseline, measured in turn.
struct Comparison<'a> {
    service: Group<'a>,
    baseline: Group<'a>,
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, baseline) = (&self.service, &self.baseline);
        let (_, batch, clients) = service.key();
        let pairs = service.0.iter().zip(&baseline.0);
        let rounds = sorted(pairs.map(|(cell, other)| cell.sample.rate / other.sample.rate));
        let cpu = |group: &Group<'_>| {
            group
                .cpu()
                .map_or(0.0, |[_, server, postgres]| server + postgres)
        };
        write!(
            f,
            "{batch:>6} {clients:>8} {:>12.2} {:>15} {:>9.2} {:>9.2} {:>9.2}",
            service.rate() / baseline.rate(),
            format!("{:.2} to {:.2}", rounds[0], rounds[rounds.len() - 1]),
            service.p50() / baseline.p50(),
            service.p99() / baseline.p99(),
            cpu(service) / cpu(baseline)
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings.iter();
        let settings: Vec<_> = settings
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        writeln!(f, "PostgreSQL: {}\n", settings.join(", "))?;
        self.fmt_windows(f)?;
        let comparisons = self.comparisons();
        if !comparisons.is_empty() {
            writeln!(
                f,
                "\nservice : baseline, ratios of medians; of devices/s in single rounds, too\n\
                 {:>6} {:>8} {:>12} {:>15} {:>9} {:>9} {:>9}",
                "batch", "clients", "devices/s", "single rounds", "p50", "p99", "CPU"
            )?;
        }
        for comparison in comparisons {
            writeln!(f, "{comparison}")?;
        }
        writeln!(f)?;
        for target in self.targets() {
            if let Some(measured) = target.measured {
                writeln!(
                    f,
                    "{:<58} {measured:>8.2}  (required: {})",
                    target.name, target.required
                )?;
            }
        }
        Ok(())
    }
}
