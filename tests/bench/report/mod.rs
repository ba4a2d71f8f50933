//! Measurements of a run, printed as tables and written as JSON.

mod group;
mod imports;
mod json;
mod tables;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::copy_connections;
use crate::load::Sample;
use crate::processes::CpuTime;
use crate::references::connect;
use group::Group;
use imports::Imports;
pub(crate) use imports::{ImportForm, ImportSample};

/// Request to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// `POST /devices`.
    Create,
    /// `GET /devices/{id}`.
    Get,
    /// `PATCH /devices/{id}` of one field.
    Patch,
    /// A batch of the part `upsert`.
    Batch(BatchRequest),
}

/// Batch of the part `upsert`. The devices of all but two are stored before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BatchRequest {
    /// Creates devices, without options.
    Create,
    /// Changes the comment of each device. Searches find devices by it.
    UpdateComment,
    /// Changes the invoice number of each device. Searches do not find devices by it.
    UpdateInvoice,
    /// `on_conflict=update` of devices that have all values already.
    UpdateNothing,
    /// `on_conflict=skip`.
    Skip,
    /// Validates the creation of devices.
    ValidateCreate,
    /// Validates a change of the comment of each device.
    ValidateUpdate,
    /// `atomic=false` with serial numbers that all exist.
    FailAll,
}

impl BatchRequest {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "batch: create",
            Self::UpdateComment => "batch: update comment",
            Self::UpdateInvoice => "batch: update invoice",
            Self::UpdateNothing => "batch: update nothing",
            Self::Skip => "batch: skip",
            Self::ValidateCreate => "batch: validate new",
            Self::ValidateUpdate => "batch: validate known",
            Self::FailAll => "batch: fail all",
        }
    }
}

/// Operation that a window measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The service.
    Service(Operation),
    /// The service, served by the executable of `--baseline`.
    Baseline(Operation),
    /// Binary COPY with ids reserved beforehand.
    Copy,
    /// Prepared INSERT of one row.
    Insert,
    /// Plain Express handler with node-postgres.
    Express,
    /// Prepared SELECT of one row by its id.
    Select,
    /// Prepared UPDATE of one field by the id of its row.
    Update,
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
            Self::Service(Operation::Create) => "service",
            Self::Service(Operation::Get) => "service GET",
            Self::Service(Operation::Patch) => "service PATCH",
            Self::Service(Operation::Batch(request)) => request.name(),
            Self::Baseline(Operation::Create) => "baseline",
            Self::Baseline(Operation::Get) => "baseline GET",
            Self::Baseline(Operation::Patch) => "baseline PATCH",
            Self::Baseline(Operation::Batch(request)) => {
                return format!("baseline {}", request.name());
            }
            Self::Copy => "COPY",
            Self::Insert => "INSERT",
            Self::Express => "Express",
            Self::Select => "SELECT",
            Self::Update => "UPDATE",
            Self::Rejected => "rejected",
            Self::Parse => "parse",
            Self::Echo => "echo",
            Self::EmptyControl(devices) => return format!("empty, with {devices}"),
            Self::Filled(devices) => return format!("{devices} stored"),
        };
        name.to_owned()
    }
}

/// Kind, number of devices per batch, and number of clients or of connections to PostgreSQL.
pub(crate) type Key = (Kind, usize, usize);

/// Measurement of one window.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    key: Key,
    sample: Sample,
    /// CPU time used during the window.
    cpu: CpuTime,
    /// Peak memory of the server, in bytes; of several servers, the largest.
    pub(crate) peak_memory: Option<u64>,
    /// CPU microseconds of servers and PostgreSQL to index a device after the window.
    pub(crate) index_cpu: Option<f64>,
    /// Its rounds scattered, and it was measured again.
    is_discarded: bool,
}

impl Cell {
    pub(crate) fn new(key: Key, sample: Sample, cpu: CpuTime) -> Self {
        Self {
            key,
            sample,
            cpu,
            peak_memory: None,
            index_cpu: None,
            is_discarded: false,
        }
    }
}

/// Latency of a list or search.
#[derive(Debug)]
pub(crate) struct ListLatency {
    pub(crate) name: &'static str,
    pub(crate) path: String,
    /// Total that the response states.
    pub(crate) total: String,
    pub(crate) p50: Duration,
    pub(crate) max: Duration,
    /// Number of requests that failed.
    pub(crate) errors: usize,
}

/// All measurements of a run.
#[derive(Debug)]
pub(crate) struct Report {
    start: Instant,
    settings: BTreeMap<String, String>,
    cells: Vec<Cell>,
    lists: Vec<ListLatency>,
    imports: Imports,
}

/// PostgreSQL settings that determine the duration of a COMMIT, and others that readers need to
/// compare runs.
const SETTINGS: &str = "'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', \
                        'wal_level', 'shared_buffers', 'max_wal_size', 'checkpoint_timeout', \
                        'wal_buffers', 'max_connections'";

impl Report {
    pub(crate) fn new(url: &str) -> Self {
        let settings = format!(
            "SELECT name, current_setting(name) FROM pg_settings \
             WHERE name IN ({SETTINGS}) ORDER BY name"
        );
        let rows = connect(url).query(&settings, &[]);
        let rows = rows.expect("the settings can be read");
        Self {
            start: Instant::now(),
            settings: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
            cells: Vec::new(),
            lists: Vec::new(),
            imports: Imports::default(),
        }
    }

    /// Adds a measurement and prints it as progress.
    pub(crate) fn add(&mut self, cell: Cell) {
        let (kind, batch, clients) = cell.key;
        eprintln!(
            "{:>5} s  {:<22} {batch:>5} per batch, {clients:>2} clients: {:>8.0} devices/s",
            self.start.elapsed().as_secs(),
            kind.name(),
            cell.sample.rate
        );
        self.cells.push(cell);
    }

    pub(crate) fn add_list(&mut self, list: ListLatency) {
        self.lists.push(list);
    }

    /// Number of windows so far.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(crate) fn keys_from(&self, first: usize) -> impl Iterator<Item = Key> {
        self.cells[first..].iter().map(|cell| cell.key)
    }

    /// Returns whether the rounds of one of these measurements differ too much to be reported.
    pub(crate) fn is_scattered(&self, keys: &BTreeSet<Key>) -> bool {
        let groups = self.groups().into_iter();
        let mut groups = groups.filter(|group| keys.contains(&group.key()));
        groups.any(|group| group.is_scattered())
    }

    /// Excludes measurements from the tables.
    pub(crate) fn discard(&mut self, keys: &BTreeSet<Key>) {
        let cells = self.cells.iter_mut();
        for cell in cells.filter(|cell| keys.contains(&cell.key)) {
            cell.is_discarded = true;
        }
    }

    pub(crate) fn errors(&self) -> usize {
        let windows = self.cells.iter().map(|cell| cell.sample.errors);
        windows
            .chain(self.lists.iter().map(|list| list.errors))
            .sum()
    }

    /// Groups the rounds of the same measurement.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: BTreeMap<Key, Vec<&Cell>> = BTreeMap::new();
        for cell in self.cells.iter().filter(|cell| !cell.is_discarded) {
            groups.entry(cell.key).or_default().push(cell);
        }
        groups.into_values().map(Group::new).collect()
    }

    fn group(&self, kind: Kind, batch: usize, clients: usize) -> Option<Group<'_>> {
        let mut groups = self.groups().into_iter();
        groups.find(|group| group.key() == (kind, batch, clients))
    }

    /// Returns the throughput of the service relative to that of a reference.
    fn ratio(
        &self,
        (operation, batch, clients): (Operation, usize, usize),
        reference: Kind,
        connections: usize,
    ) -> Option<f64> {
        let service = self.group(Kind::Service(operation), batch, clients)?;
        Some(service.rate() / self.group(reference, batch, connections)?.rate())
    }

    /// Returns the ratios of the service to its references, with their kinds.
    fn ratios(&self, operation: Operation, batch: usize, clients: usize) -> Vec<(f64, Kind)> {
        let references = match operation {
            Operation::Create => vec![
                (Kind::Copy, copy_connections(clients)),
                (Kind::Insert, clients),
                (Kind::Express, clients),
            ],
            Operation::Get => vec![(Kind::Select, clients)],
            Operation::Patch => vec![(Kind::Update, clients)],
            Operation::Batch(_) => Vec::new(),
        };
        let ratios = references.into_iter().filter_map(|(kind, connections)| {
            let ratio = self.ratio((operation, batch, clients), kind, connections)?;
            Some((ratio, kind))
        });
        ratios.collect()
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
