//! Benchmark: throughput of the service, compared with PostgreSQL alone on the same machine in the
//! same run, or with another build of the server.

mod ceilings;
mod growth;
mod http_floor;
mod indexing;
mod lists;
mod load;
mod processes;
mod report;
mod subject;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ceilings::Rows;
use clap::Parser;
use devices_tests::payload::{self, RequestTemplate};
use devices_tests::{Cluster, ServerProcess, built_binary};
use load::{Window, measure, post};
use processes::CpuTime;
use report::{Cell, Kind, Report};
use subject::Subject;

/// Measures the throughput of `POST /devices` and compares it with PostgreSQL alone.
///
/// Starts a private PostgreSQL with default settings, builds the server and leaves nothing running.
/// Every combination of --batches and --clients is measured for --seconds, after half a second of
/// warm-up, with empty tables and after a checkpoint. The ceilings follow in turn: binary COPY and
/// prepared INSERT into the same table, and HTTP handlers that only echo or parse the body. All of
/// it is repeated --rounds times. The table shows medians.
///
/// Compare ratios within one run. Rates of two runs, or of two machines, are not comparable.
///
/// With --baseline, two builds of the server are measured in turn instead (A B, B A, A B, ...),
/// each with its own database. The ratios between them are valid on a noisy machine, too. An even
/// number of rounds measures each build first equally often. Build the baseline in another
/// checkout: cargo build --release --bin devices-api
///
/// The exit code is 1 if a request failed or got an unexpected status.
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Number of rounds
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Duration of each measurement in seconds
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Numbers of devices per batch, from 1 to 1000, separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000])]
    batches: Vec<usize>,
    /// Numbers of concurrent clients, separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32])]
    clients: Vec<usize>,
    /// Numbers of stored devices to measure growth with, in ascending order; 0 skips it
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 5_000_000])]
    pub(crate) stored: Vec<usize>,
    /// Setting of the servers, such as `DEVICES__DATABASE__POOL_SIZE=4`; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    set: Vec<(String, String)>,
    /// Number of servers that share the database; clients are spread over them
    #[arg(long, default_value_t = 1)]
    servers: usize,
    /// Measure the service only, without the ceilings
    #[arg(long)]
    service_only: bool,
    /// Server executable to measure, instead of building one from the sources
    #[arg(long, value_name = "FILE", value_parser = parse_executable)]
    binary: Option<PathBuf>,
    /// Other server executable to compare with; implies --service-only and --stored 0
    #[arg(long, value_name = "FILE", value_parser = parse_executable)]
    baseline: Option<PathBuf>,
    /// Send model, `asset_tag`, tags and attributes, too, but not to the baseline
    #[arg(long)]
    inventory: bool,
    /// Measure only the latency of lists and searches in a workspace with this many devices,
    /// 1,000,000 by default, and print a table
    #[arg(long, value_name = "DEVICES", num_args = 0..=1, default_missing_value = "1000000")]
    lists: Option<usize>,
    /// Measure only how fast queued devices are indexed for search, and print a table
    #[arg(long)]
    indexing: bool,
    /// Database for --lists; kept, and used as it is if an earlier run has filled it
    #[arg(long, value_name = "URL", requires = "lists")]
    database: Option<String>,
    /// With --lists: measure only paths that contain this text
    #[arg(long, value_name = "TEXT", requires = "lists")]
    only: Option<String>,
    /// File to write all measurements to
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a setting is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Makes the path absolute: servers run in another directory.
fn parse_executable(text: &str) -> Result<PathBuf, String> {
    Path::new(text)
        .canonicalize()
        .map_err(|error| error.to_string())
}

impl Arguments {
    pub(crate) fn binary(&self) -> &Path {
        self.binary.as_deref().unwrap_or_else(|| built_binary())
    }

    /// Starts a server with default settings and those of `--set`.
    pub(crate) fn serve(&self, binary: &Path, url: &str) -> ServerProcess {
        let settings: Vec<(&str, &str)> = self
            .set
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        ServerProcess::start_executable(binary, url, &settings)
    }

    fn measures_ceilings(&self) -> bool {
        !self.service_only && self.baseline.is_none()
    }

    fn measures_growth(&self) -> bool {
        self.baseline.is_none() && !self.stored.is_empty() && self.stored != [0]
    }
}

/// Returns the number of COPY connections to compare with this number of clients: two connections
/// already saturate two cores. INSERT of single devices uses as many connections as clients.
pub(crate) fn copy_connections(clients: usize) -> usize {
    match clients {
        1 => 1,
        2..=8 => 2,
        _ => 4,
    }
}

/// Returns the URL of another database on the cluster.
pub(crate) fn database_url(cluster: &Cluster, name: &str) -> String {
    cluster.url().replace("/devices?", &format!("/{name}?"))
}

pub(crate) fn execute(url: &str, sql: &str) {
    let executed = ceilings::connect(url).batch_execute(sql);
    executed.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

const WARM_UP: Duration = Duration::from_millis(500);

struct Bench {
    cluster: Cluster,
    postmaster: String,
    /// The service, followed by the baseline if there is one.
    subjects: Vec<Subject>,
    rows: Rows,
    http_floor: String,
    window: Window,
    report: Report,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(devices) = arguments.lists {
        return match lists::measure(&arguments, devices) {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    if arguments.indexing {
        return match indexing::measure(&arguments) {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    let start = Instant::now();
    let mut bench = Bench::start(&arguments);
    for round in 1..=arguments.rounds {
        for &batch in &arguments.batches {
            eprintln!(
                "round {round} of {}, {batch} per batch ({} s)",
                arguments.rounds,
                start.elapsed().as_secs()
            );
            bench.measure_batch_size(round, batch, &arguments);
        }
    }
    let Bench {
        cluster,
        subjects,
        mut report,
        window,
        ..
    } = bench;
    drop(subjects);
    if arguments.measures_growth() {
        growth::measure(&cluster, &arguments, window, &mut report);
    }
    println!("{report}");
    println!("duration: {} s", start.elapsed().as_secs());
    match report.write(&arguments.json) {
        Ok(()) => println!("all measurements: {}", arguments.json.display()),
        Err(error) => eprintln!("{}: {error}", arguments.json.display()),
    }
    match report.errors() {
        0 => ExitCode::SUCCESS,
        errors => {
            eprintln!("{errors} requests failed or got an unexpected status");
            ExitCode::FAILURE
        }
    }
}

impl Bench {
    fn start(arguments: &Arguments) -> Self {
        eprintln!("starting PostgreSQL and the servers");
        let cluster = Cluster::create("bench");
        let subjects = Subject::start_all(&cluster, arguments);
        let rows = Rows::read(&mut ceilings::connect(cluster.url()));
        Self {
            report: Report::new(&cluster),
            postmaster: cluster.postmaster_pid(),
            cluster,
            subjects,
            rows,
            http_floor: http_floor::serve(),
            window: Window {
                warm_up: WARM_UP,
                duration: Duration::from_secs_f64(arguments.seconds),
            },
        }
    }

    /// Runs one round of one batch size: the service and its baseline or ceilings, in turn.
    fn measure_batch_size(&mut self, round: usize, batch: usize, arguments: &Arguments) {
        let devices = payload::devices();
        let body = payload::body(&devices[..batch]);
        let service_body = if arguments.inventory {
            payload::body(&payload::with_inventory_data(&devices[..batch]))
        } else {
            body.clone()
        };
        for &clients in &arguments.clients {
            let mut order: Vec<usize> = (0..self.subjects.len()).collect();
            if round.is_multiple_of(2) {
                // The first window after a heavy one may be slower, whichever build it measures.
                order.reverse();
            }
            for subject in order {
                let kind = self.subjects[subject].kind;
                let body = match kind {
                    Kind::Baseline => &body,
                    _ => &service_body,
                };
                self.measure_service(subject, kind, body, clients, 201);
            }
            if !arguments.measures_ceilings() {
                continue;
            }
            let url = self.cluster.url();
            let copiers = (0..copy_connections(clients)).map(|_| self.rows.copier(url, batch));
            let copiers: Vec<_> = copiers.collect();
            self.measure_ceiling(Kind::Copy, batch, copiers);
            if batch == 1 {
                let inserters = (0..clients).map(|_| self.rows.inserter(self.cluster.url()));
                let inserters: Vec<_> = inserters.collect();
                self.measure_ceiling(Kind::Insert, batch, inserters);
            }
        }
        if !arguments.measures_ceilings() {
            return;
        }
        if batch == payload::DEVICES {
            let invalid = payload::body(&payload::invalid_devices());
            self.measure_service(0, Kind::Rejected, &invalid, 1, 400);
        }
        for kind in [Kind::Parse, Kind::Echo] {
            let path = format!("/{}", kind.name());
            let sample = post(self.window, &[&self.http_floor], &path, &[], &body, 8, 201);
            self.report.add(Cell::new(kind, batch, 8, sample));
        }
    }

    fn measure_service(
        &mut self,
        subject: usize,
        kind: Kind,
        body: &RequestTemplate,
        clients: usize,
        expected_status: u16,
    ) {
        // All databases: the idle server would otherwise index what its last window left queued.
        self.subjects.iter().for_each(Subject::reset);
        let subject = &self.subjects[subject];
        let servers = subject.processes();
        for server in &servers {
            processes::reset_peak_memory(*server);
        }
        let before = CpuTime::now(&servers, &self.postmaster);
        let addresses: Vec<&str> = subject
            .services
            .iter()
            .map(ServerProcess::address)
            .collect();
        let sample = post(
            self.window,
            &addresses,
            "/devices",
            std::slice::from_ref(&subject.api_key),
            body,
            clients,
            expected_status,
        );
        let mut cell = Cell::new(kind, body.serial_offsets.len(), clients, sample);
        cell.peak_memory = subject
            .services
            .iter()
            .map(ServerProcess::peak_memory)
            .max();
        cell.cpu = Some(CpuTime::now(&servers, &self.postmaster).since(before));
        self.report.add(cell);
    }

    fn measure_ceiling<W: FnMut() -> bool + Send>(
        &mut self,
        kind: Kind,
        batch: usize,
        workers: Vec<W>,
    ) {
        self.subjects.iter().for_each(Subject::reset);
        let servers = self.subjects[0].processes();
        let connections = workers.len();
        let before = CpuTime::now(&servers, &self.postmaster);
        let sample = measure(self.window, batch, workers);
        let mut cell = Cell::new(kind, batch, connections, sample);
        cell.cpu = Some(CpuTime::now(&servers, &self.postmaster).since(before));
        self.report.add(cell);
    }
}
