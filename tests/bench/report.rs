//! What was measured, as a table to read and as JSON to keep.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use devices_tests::Cluster;
use serde_json::{Value, json};

use crate::connections;
use crate::load::Sample;
use crate::machine::Work;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The service.
    Service,
    /// Binary COPY with ids that were reserved before.
    Copy,
    /// Prepared INSERT of one row.
    Insert,
    /// The service, with devices that are each wrong in three fields.
    Refused,
    /// A handler that reads JSON and keeps nothing of it.
    Parse,
    /// A handler that answers with what it was sent.
    Echo,
    /// The service where nothing is stored, in turn with one that holds so many devices.
    EmptyBeside(usize),
    /// The service where so many devices are stored.
    Holding(usize),
}

impl Kind {
    pub(crate) fn name(self) -> String {
        match self {
            Self::EmptyBeside(devices) => format!("empty beside {devices}"),
            Self::Holding(devices) => format!("{devices} stored"),
            kind => format!("{kind:?}").to_lowercase(),
        }
    }
}

/// One window.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    kind: Kind,
    batch: usize,
    /// Clients, or connections.
    clients: usize,
    sample: Sample,
    /// The most memory that the server held, in bytes.
    pub(crate) peak: Option<u64>,
    /// What the processors did.
    pub(crate) work: Option<Work>,
}

impl Cell {
    pub(crate) fn new(kind: Kind, batch: usize, clients: usize, sample: Sample) -> Self {
        Self {
            kind,
            batch,
            clients,
            sample,
            peak: None,
            work: None,
        }
    }
}

/// All windows of a run.
#[derive(Debug)]
pub(crate) struct Report {
    settings: BTreeMap<String, String>,
    cells: Vec<Cell>,
}

/// What makes the most of how long a COMMIT takes, and what else a reader would ask for.
const SETTINGS: &str = "'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', \
                        'shared_buffers', 'max_wal_size', 'checkpoint_timeout', 'wal_buffers', 'max_connections'";

impl Report {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let asked = cluster.ask(&format!(
            "SELECT name || '=' || current_setting(name) AS word, 0::bigint AS number FROM pg_settings \
             WHERE name IN ({SETTINGS}) ORDER BY name"
        ));
        let settings = asked.iter().filter_map(|row| row.word.split_once('='));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            settings: settings.map(owned).collect(),
            cells: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, cell: Cell) {
        eprintln!(
            "  {:<22} {:>5} a batch, {:>2} at once: {:>8.0} devices/s",
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

    /// All rounds of the same, in the order in which they were first measured.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for cell in &self.cells {
            let key = (cell.kind, cell.batch, cell.clients);
            let found = groups.iter_mut().find(|group| group.key() == key);
            match found {
                Some(group) => group.0.push(cell),
                None => groups.push(Group(vec![cell])),
            }
        }
        groups.sort_by_key(Group::key);
        groups
    }

    fn group(&self, kind: Kind, batch: usize, clients: usize) -> Option<Group<'_>> {
        let groups = self.groups().into_iter();
        groups
            .into_iter()
            .find(|group| group.key() == (kind, batch, clients))
    }

    /// The service by so many clients, in parts of what it is held to.
    fn ratio(&self, batch: usize, clients: usize, to: Kind, connections: usize) -> Option<f64> {
        let service = self.group(Kind::Service, batch, clients)?;
        Some(service.rate() / self.group(to, batch, connections)?.rate())
    }

    /// What the service is meant to reach, and did.
    fn targets(&self) -> Vec<(String, Option<f64>, &'static str)> {
        let service = |batch, clients| self.group(Kind::Service, batch, clients);
        let mut targets = vec![
            (
                "1,000 a batch, 8 clients : COPY, 2 connections".to_owned(),
                self.ratio(1_000, 8, Kind::Copy, 2),
                "at least 0.8",
            ),
            (
                "100 a batch, 8 clients : COPY, 2 connections".to_owned(),
                self.ratio(100, 8, Kind::Copy, 2),
                "at least 0.7",
            ),
            (
                "1 a batch, 32 clients : INSERT, 32 connections".to_owned(),
                self.ratio(1, 32, Kind::Insert, 32),
                "at least 0.6",
            ),
            (
                "p99 : p50, 100 a batch, 8 clients".to_owned(),
                service(100, 8).map(|group| group.p99() / group.p50()),
                "at most 2.5",
            ),
            (
                "peak memory, 32 clients, 1,000 a batch, MB".to_owned(),
                service(1_000, 32).and_then(|group| group.peak()),
                "at most 200",
            ),
            (
                "refused batch of 1,000 : accepted one, time".to_owned(),
                self.group(Kind::Refused, 1_000, 1)
                    .zip(service(1_000, 1))
                    .map(|(refused, accepted)| refused.p50() / accepted.p50()),
                "at most 1.0",
            ),
        ];
        for group in self.groups() {
            let (Kind::Holding(devices), batch, clients) = group.key() else {
                continue;
            };
            let empty = self.group(Kind::EmptyBeside(devices), batch, clients);
            targets.push((
                format!("{devices} stored in 500 workspaces : none"),
                empty.map(|empty| group.rate() / empty.rate()),
                "at least 0.8",
            ));
        }
        targets
    }

    /// Writes every window to a file.
    pub(crate) fn keep(&self, file: &Path) -> io::Result<()> {
        let cells = self.cells.iter().map(|cell| {
            json!({
                "kind": cell.kind.name(),
                "batch": cell.batch,
                "clients": cell.clients,
                "devices_per_second": cell.sample.rate,
                "p50_ms": milliseconds(cell.sample.p50),
                "p99_ms": milliseconds(cell.sample.p99),
                "errors": cell.sample.errors,
                "devices": cell.sample.devices,
                "peak_bytes": cell.peak,
                "cpu_seconds": cell.work.map(|work| json!({
                    "clients": work.clients, "server": work.server, "postgres": work.postgres,
                })),
            })
        });
        let targets = self.targets().into_iter().map(
            |(name, reached, wanted)| json!({ "name": name, "reached": reached, "wanted": wanted }),
        );
        let report = json!({
            "postgresql": self.settings,
            "targets": targets.collect::<Vec<Value>>(),
            "windows": cells.collect::<Vec<Value>>(),
        });
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, format!("{report:#}\n"))
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The same, measured in each round.
struct Group<'a>(Vec<&'a Cell>);

impl Group<'_> {
    fn key(&self) -> (Kind, usize, usize) {
        let cell = self.0[0];
        (cell.kind, cell.batch, cell.clients)
    }

    fn sorted(&self, of: impl Fn(&Cell) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.0.iter().map(|cell| of(cell)).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn median(&self, of: impl Fn(&Cell) -> f64) -> f64 {
        let values = self.sorted(of);
        values[values.len() / 2]
    }

    /// Devices a second.
    fn rate(&self) -> f64 {
        self.median(|cell| cell.sample.rate)
    }

    /// How far the rounds lie from each other, in parts of their median.
    fn spread(&self) -> f64 {
        let rates = self.sorted(|cell| cell.sample.rate);
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

    /// Megabytes (10^6 bytes), of the round with the most.
    fn peak(&self) -> Option<f64> {
        let peaks = self.0.iter().filter_map(|cell| cell.peak);
        peaks.max().map(|peak| peak as f64 / 1e6)
    }

    /// Microseconds of a processor that a device took: of clients, server and PostgreSQL.
    fn work(&self) -> Option<[f64; 3]> {
        self.0[0].work?;
        let parts: [fn(Work) -> f64; 3] = [
            |work| work.clients,
            |work| work.server,
            |work| work.postgres,
        ];
        let each = |part: fn(Work) -> f64| {
            self.median(|cell| {
                let devices = cell.sample.devices.max(1) as f64;
                1e6 * cell.work.map_or(0.0, part) / devices
            })
        };
        Some(parts.map(each))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings.iter();
        let settings: Vec<_> = settings
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        writeln!(f, "PostgreSQL: {}\n", settings.join(", "))?;
        writeln!(
            f,
            "{:<24} {:>6} {:>8} {:>10} {:>7} {:>9} {:>9} {:>7} {:>8} {:>17}  ratio",
            "what",
            "batch",
            "at once",
            "devices/s",
            "spread",
            "p50 ms",
            "p99 ms",
            "errors",
            "peak MB",
            "CPU us cl+srv+pg"
        )?;
        for group in self.groups() {
            let (kind, batch, clients) = group.key();
            let ratios = match kind {
                Kind::Service => {
                    let copy = self.ratio(batch, clients, Kind::Copy, connections(clients));
                    let insert = self.ratio(batch, clients, Kind::Insert, clients);
                    [(copy, "COPY"), (insert, "INSERT")]
                        .iter()
                        .filter_map(|(ratio, name)| Some(format!("{:.2} of {name}", (*ratio)?)))
                        .collect::<Vec<_>>()
                        .join(", ")
                }
                _ => String::new(),
            };
            writeln!(
                f,
                "{:<24} {:>6} {:>8} {:>10.0} {:>6.0}% {:>9.2} {:>9.2} {:>7} {:>8} {:>17}  {ratios}",
                kind.name(),
                batch,
                clients,
                group.rate(),
                group.spread() * 100.0,
                group.p50(),
                group.p99(),
                group.errors(),
                group
                    .peak()
                    .map_or_else(String::new, |peak| format!("{peak:.0}")),
                group
                    .work()
                    .map_or_else(String::new, |[clients, server, postgres]| {
                        format!("{clients:.1}+{server:.1}+{postgres:.1}")
                    }),
            )?;
        }
        writeln!(f)?;
        for (name, reached, wanted) in self.targets() {
            let reached =
                reached.map_or_else(|| "not measured".to_owned(), |it| format!("{it:.2}"));
            writeln!(f, "{name:<52} {reached:>12}  ({wanted})")?;
        }
        Ok(())
    }
}
