//! How fast the service is, beside what PostgreSQL itself does on the same machine in the same run.

mod ceilings;
mod growth;
mod http_floor;
mod load;
mod processes;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ceilings::Rows;
use clap::Parser;
use devices_tests::payload::{self, Numbered};
use devices_tests::{Cluster, Service, prepare};
use load::{Client, Sample, Window, watch};
use machine::Work;
use report::{Cell, Kind, Report};

/// Measures the service and PostgreSQL in turn, and prints what each does and their ratio.
///
/// Uses a PostgreSQL of its own, with default settings, and leaves nothing running. Exits with 1 where a
/// request was not answered as it should be. Figures of two runs, or of two machines, do not compare;
/// ratios do.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// How often everything is measured
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// How long each is measured, in seconds
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Batches of these many devices
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000])]
    batches: Vec<usize>,
    /// So many clients at once
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32])]
    clients: Vec<usize>,
    /// So many devices are there already when growth is measured; 0: it is not
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 5_000_000])]
    pub(crate) stored: Vec<usize>,
    /// Serve with this setting, such as DEVICES__DATABASE__POOL_SIZE=4
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,
    /// So many servers on the one database, and the clients spread among them
    #[arg(long, default_value_t = 1)]
    servers: usize,
    /// The service alone
    #[arg(long)]
    alone: bool,
    /// Where to keep all figures
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a setting is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Serves with every setting as it is for everybody, but for those that were set for this run.
pub(crate) fn serve(url: &str, set: &[(String, String)]) -> Service {
    let set = set
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Service::start(url, &set.collect::<Vec<_>>())
}

/// How many connections copy batches in the place of so many clients: two already keep two cores busy.
/// Where each brings one device there are as many as clients.
pub(crate) fn connections(clients: usize) -> usize {
    match clients {
        1 => 1,
        2..=8 => 2,
        _ => 4,
    }
}

/// How long a window runs before it counts.
const WARM_UP: Duration = Duration::from_millis(500);

/// Everything that a window is measured on.
struct Bench {
    cluster: Cluster,
    postmaster: String,
    services: Vec<Service>,
    secret: String,
    rows: Rows,
    handlers: String,
    window: Window,
    report: Report,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let mut bench = Bench::begin(&arguments);
    for round in 1..=arguments.rounds {
        for &batch in &arguments.batches {
            eprintln!(
                "round {round} of {}, {batch} a batch ({} s)",
                arguments.rounds,
                began.elapsed().as_secs()
            );
            bench.measure_batch(batch, &arguments.clients, arguments.alone);
        }
    }
    let Bench {
        cluster,
        services,
        mut report,
        window,
        ..
    } = bench;
    drop(services);
    if !arguments.stored.is_empty() && arguments.stored != [0] {
        growth::measure(&cluster, &arguments, window, &mut report);
    }
    println!("{report}");
    println!("\nmeasured in {} s", began.elapsed().as_secs());
    match report.keep(&arguments.json) {
        Ok(()) => println!("all figures: {}", arguments.json.display()),
        Err(error) => eprintln!("{}: {error}", arguments.json.display()),
    }
    match report.errors() {
        0 => ExitCode::SUCCESS,
        errors => {
            eprintln!("{errors} requests were not answered as they should be");
            ExitCode::FAILURE
        }
    }
}

impl Bench {
    fn begin(arguments: &Arguments) -> Self {
        eprintln!("starting PostgreSQL and the service");
        let cluster = Cluster::create("bench");
        let secret = prepare(cluster.url());
        cluster.execute(&format!(
            "INSERT INTO users (workspace_id, id, email) \
             SELECT id, number, 'user' || number || '@example.com' \
             FROM workspaces, generate_series(1, {}) AS number",
            payload::USERS
        ));
        let services = (0..arguments.servers.max(1)).map(|_| serve(cluster.url(), &arguments.set));
        let services: Vec<Service> = services.collect();
        let mut client = Client::connect(
            services[0].address(),
            "/devices",
            std::slice::from_ref(&secret),
            &payload::body(&payload::devices()),
        );
        assert_eq!(client.post().ok(), Some(201), "the devices are stored");
        let rows = Rows::read(&mut ceilings::connect(cluster.url()));
        Self {
            report: Report::new(&cluster),
            postmaster: cluster.postmaster(),
            cluster,
            services,
            secret,
            rows,
            handlers: handlers::serve(),
            window: Window {
                warm_up: WARM_UP,
                lasts: Duration::from_secs_f64(arguments.seconds),
            },
        }
    }

    /// One round of one size of batch: the service and what it is held to, in turn.
    fn measure_batch(&mut self, batch: usize, clients: &[usize], alone: bool) {
        let devices = payload::devices();
        let body = payload::body(&devices[..batch]);
        for &clients in clients {
            self.measure_service(Kind::Service, &body, clients, 201);
            if alone {
                continue;
            }
            let copiers =
                (0..connections(clients)).map(|_| self.rows.copier(self.cluster.url(), batch));
            let copiers: Vec<_> = copiers.collect();
            self.measure_ceiling(Kind::Copy, batch, copiers);
            if batch == 1 {
                let inserters = (0..clients).map(|_| self.rows.inserter(self.cluster.url()));
                let inserters: Vec<_> = inserters.collect();
                self.measure_ceiling(Kind::Insert, batch, inserters);
            }
        }
        if alone {
            return;
        }
        if batch == payload::DEVICES {
            let wrong = payload::body(&payload::wrong_devices());
            self.measure_service(Kind::Refused, &wrong, 1, 400);
        }
        for kind in [Kind::Parse, Kind::Echo] {
            let path = format!("/{}", kind.name());
            let sample = post(self.window, &[&self.handlers], &path, &[], &body, 8, 201);
            self.report.add(Cell::new(kind, batch, 8, sample));
        }
    }

    /// Every window begins with empty tables, right after a checkpoint.
    fn reset(&self) {
        // The queue first, as the server does that takes from it in the background.
        self.cluster.execute(
            "TRUNCATE device_search_queue, device_search, devices, device_events, idempotency_keys",
        );
        self.cluster.execute("CHECKPOINT");
    }

    fn measure_service(&mut self, kind: Kind, body: &Numbered, clients: usize, wanted: u16) {
        self.reset();
        for service in &self.services {
            machine::forget_peak(service.process());
        }
        let before = self.work();
        let secrets = std::slice::from_ref(&self.secret);
        let addresses: Vec<&str> = self.services.iter().map(Service::address).collect();
        let sample = post(
            self.window,
            &addresses,
            "/devices",
            secrets,
            body,
            clients,
            wanted,
        );
        let mut cell = Cell::new(kind, body.places.len(), clients, sample);
        let peaks = self
            .services
            .iter()
            .map(|service| machine::peak(service.process()));
        cell.peak = peaks.max();
        cell.work = Some(self.work().since(before));
        self.report.add(cell);
    }

    fn work(&self) -> Work {
        let servers: Vec<u32> = self.services.iter().map(Service::process).collect();
        Work::until_now(&servers, &self.postmaster)
    }

    fn measure_ceiling<W: FnMut() -> bool + Send>(
        &mut self,
        kind: Kind,
        batch: usize,
        workers: Vec<W>,
    ) {
        self.reset();
        let connections = workers.len();
        let before = self.work();
        let sample = watch(self.window, batch, workers);
        let mut cell = Cell::new(kind, batch, connections, sample);
        cell.work = Some(self.work().since(before));
        self.report.add(cell);
    }
}

/// Posts `body` by so many clients, each with one of the secrets after the other.
pub(crate) fn post(
    window: Window,
    addresses: &[&str],
    path: &str,
    secrets: &[String],
    body: &Numbered,
    clients: usize,
    wanted: u16,
) -> Sample {
    let workers = (0..clients).map(|client| {
        let mut own: Vec<_> = secrets
            .iter()
            .skip(client)
            .step_by(clients)
            .cloned()
            .collect();
        if own.is_empty() {
            own.extend(secrets.first().cloned());
        }
        let address = addresses[client % addresses.len()];
        let mut client = Client::connect(address, path, &own, body);
        move || client.post().is_ok_and(|status| status == wanted)
    });
    watch(window, body.places.len(), workers.collect())
}
