//! Benchmark: the service compared with PostgreSQL alone and with a plain Express handler on the
//! same machine in the same run, or with another build of the server.

mod arguments;
mod client;
mod creates;
mod express;
mod growth;
mod http_floor;
mod imports;
mod index_queue;
mod indexing;
mod large_workspace;
mod load;
mod postgres_server;
mod processes;
mod references;
mod report;
mod rounds;
mod subject;
mod upsert;

use std::process::ExitCode;
use std::time::Instant;

use arguments::{Arguments, Part};
use clap::Parser;
use postgres_server::PostgresServer;
use report::Report;

/// Returns the number of COPY connections to compare with this number of clients: two connections
/// already saturate two cores. INSERT of single devices uses as many connections as clients.
pub(crate) fn copy_connections(clients: usize) -> usize {
    match clients {
        1 => 1,
        2..=8 => 2,
        _ => 4,
    }
}

fn main() -> ExitCode {
    let errors = measure(&Arguments::parse());
    if errors > 0 {
        eprintln!("{errors} requests failed or got an unexpected status");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Runs the selected parts and prints the report. Returns the number of requests that failed.
fn measure(arguments: &Arguments) -> usize {
    let start = Instant::now();
    let postgres = PostgresServer::start(arguments.database.as_deref());
    let mut report = Report::new(postgres.url());
    if arguments.measures(Part::Creates) {
        creates::measure(&postgres, arguments, &mut report);
    }
    if arguments.measures(Part::Upsert) {
        upsert::measure(&postgres, arguments, &mut report);
    }
    if arguments.measures(Part::Growth) {
        growth::measure(&postgres, arguments, &mut report);
    }
    if arguments.measures(Part::Lists) || arguments.measures(Part::ById) {
        large_workspace::measure(&postgres, arguments, &mut report);
    }
    if arguments.measures(Part::Import) {
        imports::measure(&postgres, arguments, &mut report);
    }
    let mut errors = 0;
    if arguments.measures(Part::Indexing) {
        errors += indexing::measure(&postgres, arguments);
    }
    println!("{report}");
    println!("duration: {} s", start.elapsed().as_secs());
    match report.write(&arguments.json) {
        Ok(()) => println!("all measurements: {}", arguments.json.display()),
        Err(error) => eprintln!("{}: {error}", arguments.json.display()),
    }
    errors + report.errors()
}
