//! Latency of every list, filter and search.

use std::time::{Duration, Instant};

use devices_tests::Response;

use super::LargeWorkspace;
use super::requests::{self, Case};

/// Number of requests per case. A case stops after [`MAX_DURATION`].
const REPETITIONS: usize = 25;

const MAX_DURATION: Duration = Duration::from_secs(5);

/// Measures the paths that contain `only`, or all, and prints a table. Returns the number of
/// requests that failed.
pub(super) fn measure(workspace: &LargeWorkspace, only: Option<&str>) -> usize {
    let cases = requests::cases(workspace);
    let selected = cases
        .iter()
        .filter(|case| only.is_none_or(|text| case.path.contains(text)));
    println!("| list | path | total | p50 ms | max ms |\n|---|---|---|---|---|");
    let failures = selected.map(|case| print_case(case, workspace)).sum();
    println!();
    failures
}

/// Measures and prints one case. Returns the number of its requests that failed.
fn print_case(case: &Case, workspace: &LargeWorkspace) -> usize {
    let (started, mut latencies, mut failures) = (Instant::now(), Vec::new(), 0);
    let mut total = String::new();
    while latencies.len() < REPETITIONS && started.elapsed() < MAX_DURATION {
        let sent = Instant::now();
        let response = workspace.send("GET", &case.path, None);
        latencies.push(sent.elapsed());
        if response.status == 200 {
            total = describe_total(&response);
        } else {
            failures += 1;
            total = format!("status {}", response.status);
        }
    }
    latencies.sort_unstable();
    let milliseconds = |latency: Duration| latency.as_secs_f64() * 1_000.0;
    println!(
        "| {} | `{}` | {total} | {:.1} | {:.1} |",
        case.name,
        case.path,
        milliseconds(latencies[latencies.len() / 2]),
        milliseconds(latencies[latencies.len() - 1]),
    );
    failures
}

/// Returns the total of a list, with a plus sign if it is a lower bound, and a note if the search
/// is incomplete.
fn describe_total(response: &Response) -> String {
    if response.text.is_empty() || !response.text.starts_with('{') {
        return String::new();
    }
    let meta = response.json()["meta"].clone();
    let plus = if meta["total_is_exact"] == false {
        "+"
    } else {
        ""
    };
    let note = if meta["search_is_complete"] == false {
        ", incomplete"
    } else {
        ""
    };
    format!("{}{plus}{note}", meta["total"])
}
