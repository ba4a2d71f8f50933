//! Chaos tests: inject faults into the real binary and its PostgreSQL, and check that no
//! acknowledged batch is lost, stored twice or stored in part, and that the event feed misses none.

mod balancer;
mod batches;
mod client;
mod compare;
mod crashes;
mod disconnects;
mod faults;
mod feed;
mod hung_database;
mod latencies;
mod neighbour;
mod opposite_order;
mod pooler;
mod racing_syncs;
mod results;
mod rolling_restart;
mod slow_clients;
mod stored;
mod writer;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use devices_tests::Cluster;

/// Injects faults into the service and checks its guarantees.
///
/// Starts a private PostgreSQL with default durability and leaves nothing running. The exit code is
/// 1 if a guarantee was violated.
#[derive(Debug, Parser)]
struct Arguments {
    /// Run a tenth of each scenario, which takes three to five minutes
    #[arg(long)]
    short: bool,
    /// Scenarios to run; all of them by default
    scenarios: Vec<Scenario>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scenario {
    /// Kill the server, PostgreSQL and connections under 36 writers and a reader of the event feed
    Crashes,
    /// Check that the harness detects losses: `synchronous_commit` = off must lose batches
    NegativeControl,
    /// Keep a thousand connections open that send or read one byte at a time, or nothing
    SlowClients,
    /// Let thousands of clients disconnect at a random moment
    Disconnects,
    /// Restart two replicas in turn behind a load balancer, under load
    RollingRestart,
    /// Post the same serial numbers in opposite order at the same time
    OppositeOrder,
    /// Create and update the same thousand devices by serial number in two requests at a time
    RacingSyncs,
    /// Search a million devices with 30 clients beside the client of another workspace
    Neighbour,
    /// Stop PostgreSQL with SIGSTOP, and probe the server
    HungDatabase,
    /// Serve through PgBouncer in transaction mode; requires pgbouncer to be installed
    Pooler,
}

/// Summary of a scenario; `Err` if a guarantee was violated.
type Outcome = Result<String, String>;

fn main() -> ExitCode {
    let Arguments { short, scenarios } = Arguments::parse();
    let scenarios = if scenarios.is_empty() {
        Scenario::value_variants()
    } else {
        &scenarios
    };
    let share = |full: usize| if short { full.div_ceil(10) } else { full };
    let mut all_passed = true;
    for scenario in scenarios {
        let start = Instant::now();
        let cluster = Cluster::create("chaos");
        let outcome = match scenario {
            Scenario::Crashes => crashes::run(&cluster, share),
            Scenario::NegativeControl => crashes::negative_control(&cluster),
            Scenario::SlowClients => slow_clients::run(&cluster, share(1_000)),
            Scenario::Disconnects => disconnects::run(&cluster, share(5_000)),
            Scenario::RollingRestart => rolling_restart::run(&cluster, share(20)),
            Scenario::OppositeOrder => opposite_order::run(&cluster, share(1_000)),
            Scenario::RacingSyncs => racing_syncs::run(&cluster, share(50)),
            Scenario::Neighbour => neighbour::run(&cluster, share(1_000_000)),
            Scenario::HungDatabase => hung_database::run(&cluster),
            // Three rounds use each of the batch sizes once.
            Scenario::Pooler => pooler::run(&cluster, share(8).max(3)),
        };
        let name = scenario.to_possible_value();
        let name = name.as_ref().map_or("", |value| value.get_name());
        let seconds = start.elapsed().as_secs();
        match outcome {
            Ok(summary) => println!("{name} ({seconds} s): passed\n{}\n", indent(&summary)),
            Err(summary) => {
                all_passed = false;
                println!("{name} ({seconds} s): FAILED\n{}\n", indent(&summary));
            }
        }
    }
    if all_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn indent(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}
