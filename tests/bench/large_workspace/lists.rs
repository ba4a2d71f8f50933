//! Latency of every list, filter and search.

use std::time::{Duration, Instant};

use devices_tests::Response;

use super::LargeWorkspace;
use super::requests::{self, Case};
use crate::report::{ListLatency, Report};

/// Number of requests per case. A case stops after [`MAX_DURATION`].
const REPETITIONS: usize = 25;

const MAX_DURATION: Duration = Duration::from_secs(5);

/// Measures the paths that contain `only`, or all.
pub(super) fn measure(workspace: &LargeWorkspace, only: Option<&str>, report: &mut Report) {
    eprintln!("lists and searches");
    for case in requests::cases(workspace) {
        if only.is_none_or(|text| case.path.contains(text)) {
            report.add_list(measure_case(case, workspace));
        }
    }
}

fn measure_case(case: Case, workspace: &LargeWorkspace) -> ListLatency {
    let (started, mut latencies, mut errors) = (Instant::now(), Vec::new(), 0);
    let mut total = String::new();
    while latencies.len() < REPETITIONS && started.elapsed() < MAX_DURATION {
        let sent = Instant::now();
        let response = workspace.send("GET", &case.path, None);
        latencies.push(sent.elapsed());
        if response.status == 200 {
            total = describe_total(&response);
        } else {
            errors += 1;
            total = format!("status {}", response.status);
        }
    }
    latencies.sort_unstable();
    ListLatency {
        name: case.name,
        path: case.path,
        total,
        p50: latencies[latencies.len() / 2],
        max: latencies[latencies.len() - 1],
        errors,
    }
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
