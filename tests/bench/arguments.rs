//! Command line of the benchmark.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use devices_tests::{ServerProcess, built_binary};

use crate::load::Window;

const WARM_UP: Duration = Duration::from_millis(500);

/// Measures the service and compares it with PostgreSQL alone, and with a plain Express handler.
///
/// Starts a private PostgreSQL with default settings, builds the server and leaves nothing running.
/// A run takes about 25 minutes and has six parts:
///
///   creates  POST /devices with empty tables, after a checkpoint: every combination of --batches
///            and --clients. The references follow in turn: a plain Express handler with
///            node-postgres if Node.js is installed, binary COPY and prepared INSERT into the same
///            table, and HTTP handlers that only echo or parse the body.
///   upsert   Batches of 1,000 devices with options, and their validation, by one client: relative
///            to creating as many devices, which follows in turn.
///   growth   POST /devices with --stored devices in 500 workspaces.
///   lists    Latency of lists and searches in a workspace with a million devices.
///   by-id    GET and PATCH of single devices there. Prepared SELECT and UPDATE follow in turn.
///   import   20,000 devices of 25 fields as JSON, CSV and xlsx, and 500,000 rows by the program
///            `devices`: times and memory.
///
/// Each measurement takes --seconds after half a second of warm-up, in each of --rounds rounds. The
/// tables show medians. Measurements whose rounds differ by more than 40 % are discarded and
/// repeated, twice at most. Another part runs only if it is selected with --part:
///
///   indexing Speed of indexing for search on a server that does nothing else.
///
/// Compare ratios within one run. Rates of two runs, or of two machines, are not comparable.
///
/// With --baseline, two builds of the server are measured in turn instead (A B, B A, A B, ...),
/// each with its own database. The ratios between them are valid on a noisy machine, too. An even
/// number of rounds measures each build first equally often. Build the baseline in another
/// checkout: cargo build --release --bin devices-api
///
/// With --database, POST /devices empties the tables of the database, which must have no other
/// workspaces. The parts lists and by-id keep their workspace and use it again.
///
/// The exit code is 1 if a request failed or got an unexpected status.
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Parts to measure, separated by commas; by default the first six, but only creates with
    /// --baseline or --database
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    part: Vec<Part>,
    /// Number of rounds
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Duration of each measurement in seconds
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Numbers of devices per batch, from 1 to 1000, separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000])]
    pub(crate) batches: Vec<usize>,
    /// Numbers of concurrent clients, separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32])]
    pub(crate) clients: Vec<usize>,
    /// Numbers of stored devices to measure growth with, in ascending order
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 5_000_000])]
    #[arg(value_parser = parse_stored)]
    pub(crate) stored: Vec<usize>,
    /// Number of devices in the workspace of the parts lists and by-id
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) devices: usize,
    /// Measure only lists and searches whose path contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// Setting of the servers, such as `DEVICES__DATABASE__POOL_SIZE=4`; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    set: Vec<(String, String)>,
    /// Number of servers that share the database; clients of POST /devices are spread over them
    #[arg(long, default_value_t = 1)]
    pub(crate) servers: usize,
    /// Measure the service only, without the references
    #[arg(long)]
    service_only: bool,
    /// Number of workspaces over which the clients of POST /devices are spread, and the connections
    /// of COPY and INSERT
    #[arg(long, default_value_t = 1)]
    pub(crate) workspaces: usize,
    /// Server executable to measure, instead of building one from the sources
    #[arg(long, value_name = "FILE", value_parser = parse_executable)]
    binary: Option<PathBuf>,
    /// Other server executable to compare with, in the parts creates, by-id and indexing, and the
    /// batches without options of upsert; implies --service-only
    #[arg(long, value_name = "FILE", value_parser = parse_executable)]
    pub(crate) baseline: Option<PathBuf>,
    /// Send model, `asset_tag`, tags and attributes, too, but not to the baseline
    #[arg(long)]
    pub(crate) inventory: bool,
    /// Existing database, such as one of a Citus cluster, instead of a private PostgreSQL; not for
    /// the part growth
    #[arg(long, value_name = "URL", conflicts_with = "baseline")]
    pub(crate) database: Option<String>,
    /// File to write all measurements to
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    pub(crate) json: PathBuf,
}

/// Part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Creates,
    Upsert,
    Growth,
    Lists,
    ById,
    Import,
    Indexing,
}

fn parse_stored(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("select parts with --part instead, such as --part creates".to_owned()),
        Ok(devices) => Ok(devices),
        Err(error) => Err(error.to_string()),
    }
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

    pub(crate) fn window(&self) -> Window {
        Window {
            warm_up: WARM_UP,
            duration: Duration::from_secs_f64(self.seconds),
        }
    }

    pub(crate) fn measures_references(&self) -> bool {
        !self.service_only && self.baseline.is_none()
    }

    pub(crate) fn measures(&self, part: Part) -> bool {
        let is_complete = self.database.is_none() && self.baseline.is_none();
        if !self.part.is_empty() {
            self.part.contains(&part) && (is_complete || part != Part::Growth)
        } else if is_complete {
            part != Part::Indexing
        } else {
            part == Part::Creates
        }
    }
}
