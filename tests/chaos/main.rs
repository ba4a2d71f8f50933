//! Crashes and sieges: kills the real binary and its PostgreSQL again and again, and looks whether
//! anything that was acknowledged is lost, stored twice or stored in part.

mod balancer;
mod batches;
mod client;
mod crashes;
mod disconnects;
mod opposite_order;
mod rolling_restart;
mod slow_clients;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use devices_tests::Cluster;

/// Kills and besieges the service, and says what came of it.
///
/// Uses a PostgreSQL of its own, with default durability, and leaves nothing running. Exits with 1
/// where a promise was not kept.
#[derive(Debug, Parser)]
struct Arguments {
    /// A tenth of everything, for a run of about two minutes
    #[arg(long)]
    short: bool,
    /// What to do; all of it unless given
    scenarios: Vec<Scenario>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scenario {
    /// Kill server, database and connections under eight writers
    Crashes,
    /// See that losses are seen: the same with synchronous_commit = off must lose something
    Control,
    /// Hold a thousand connections that send or read as slowly as they can
    Slow,
    /// Let thousands of clients hang up at a random moment
    Hangups,
    /// Restart two replicas in turn, behind a balancer, under load
    Rolling,
    /// Post the same serial numbers in opposite orders at once
    Opposite,
}

/// What a scenario says at its end; `Err` where a promise was not kept.
type Outcome = Result<String, String>;

fn main() -> ExitCode {
    let Arguments { short, scenarios } = Arguments::parse();
    let scenarios = match scenarios.is_empty() {
        true => Scenario::value_variants(),
        false => &scenarios,
    };
    let share = |full: usize| if short { full.div_ceil(10) } else { full };
    let mut kept = true;
    for scenario in scenarios {
        let began = Instant::now();
        let cluster = Cluster::create("chaos");
        let outcome = match scenario {
            Scenario::Crashes => crashes::run(&cluster, share),
            Scenario::Control => crashes::control(&cluster),
            Scenario::Slow => slow_clients::run(&cluster, share(1_000)),
            Scenario::Hangups => disconnects::run(&cluster, share(5_000)),
            Scenario::Rolling => rolling_restart::run(&cluster, share(20)),
            Scenario::Opposite => opposite_order::run(&cluster, share(1_000)),
        };
        let name = format!("{scenario:?}").to_lowercase();
        let seconds = began.elapsed().as_secs();
        match outcome {
            Ok(said) => println!("{name} ({seconds} s): kept\n{}\n", indented(&said)),
            Err(said) => {
                kept = false;
                println!("{name} ({seconds} s): NOT KEPT\n{}\n", indented(&said));
            }
        }
    }
    match kept {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}"));
    lines.collect::<Vec<_>>().join("\n")
}
