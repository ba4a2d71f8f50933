//! Batches with options, and their validation, compared with batches that create devices.

use devices_tests::Response;
use devices_tests::payload::{self, RequestTemplate};
use reqwest::blocking::Client;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::client::poster;
use crate::index_queue::drain;
use crate::load::Window;
use crate::postgres_server::{PostgresServer, checkpoint};
use crate::report::{BatchRequest, Kind, Operation, Report};
use crate::rounds;
use crate::subject::Subject;

/// Sets of a thousand devices that are stored before, and sent in turn: a device is not changed
/// again at once.
const KNOWN_SETS: usize = 10;

/// Requests in the order of a round.
const REQUESTS: [BatchRequest; 8] = [
    BatchRequest::Create,
    BatchRequest::UpdateComment,
    BatchRequest::UpdateInvoice,
    BatchRequest::UpdateNothing,
    BatchRequest::Skip,
    BatchRequest::ValidateCreate,
    BatchRequest::ValidateUpdate,
    BatchRequest::FailAll,
];

/// Form of a [`BatchRequest`].
struct Form {
    path: &'static str,
    status: u16,
    /// Pointer to the number of rows that have the expected result, which are all. `None` without
    /// results.
    count: Option<&'static str>,
}

impl BatchRequest {
    fn form(self) -> Form {
        let (path, status, count) = match self {
            Self::Create => ("/devices", 201, None),
            Self::UpdateComment | Self::UpdateInvoice => (
                "/devices?on_conflict=update",
                200,
                Some("/data/batch/updated"),
            ),
            Self::UpdateNothing => (
                "/devices?on_conflict=update",
                200,
                Some("/data/batch/unchanged"),
            ),
            Self::Skip => (
                "/devices?on_conflict=skip",
                200,
                Some("/data/batch/skipped"),
            ),
            Self::ValidateCreate => ("/devices/validate", 200, Some("/data/create")),
            Self::ValidateUpdate => (
                "/devices/validate?on_conflict=update",
                200,
                Some("/data/update"),
            ),
            Self::FailAll => ("/devices?atomic=false", 207, Some("/data/batch/failed")),
        };
        Form {
            path,
            status,
            count,
        }
    }

    /// Returns whether the devices are stored before.
    fn has_known_devices(self) -> bool {
        !matches!(self, Self::Create | Self::ValidateCreate)
    }

    fn bodies(self) -> Vec<RequestTemplate> {
        let known = (0..KNOWN_SETS).map(payload::set_of_devices);
        match self {
            Self::Create | Self::ValidateCreate => vec![payload::body(&payload::devices())],
            Self::UpdateComment | Self::ValidateUpdate => known
                .map(|devices| payload::changing_body(&devices, "comment"))
                .collect(),
            Self::UpdateInvoice => known
                .map(|devices| payload::changing_body(&devices, "client_invoice_number"))
                .collect(),
            Self::UpdateNothing | Self::Skip | Self::FailAll => known
                .map(|devices| payload::unchanging_body(&devices))
                .collect(),
        }
    }
}

/// Measures all requests in turn. Of a baseline, which may lack the options, only the creation of
/// devices.
pub(crate) fn measure(postgres: &PostgresServer, arguments: &Arguments, report: &mut Report) {
    eprintln!("starting the servers");
    let subjects = Subject::start_all(postgres, arguments);
    // All are compared with each other.
    let step = [REQUESTS];
    rounds::run(
        arguments.rounds,
        &step,
        report,
        |requests, round, report| {
            for request in requests {
                for subject in rounds::in_turn(&subjects, round) {
                    let kind = match subject.kind {
                        Kind::Baseline(_) if *request != BatchRequest::Create => continue,
                        Kind::Baseline(_) => Kind::Baseline(Operation::Batch(*request)),
                        _ => Kind::Service(Operation::Batch(*request)),
                    };
                    // An idle server would index what its last window left queued.
                    subjects.iter().for_each(Subject::reset);
                    let window = arguments.window();
                    measure_request(subject, kind, *request, postgres, window, report);
                }
            }
        },
    );
}

fn measure_request(
    subject: &Subject,
    kind: Kind,
    request: BatchRequest,
    postgres: &PostgresServer,
    window: Window,
    report: &mut Report,
) {
    let processes = subject.processes(postgres);
    if request.has_known_devices() {
        store_known_devices(subject);
        let drained = drain(&subject.url, &processes);
        drained.expect("the queue is indexed in time");
        checkpoint(&subject.url);
    }
    let bodies = request.bodies();
    check_result(subject, request, &bodies[0]);
    let address = subject.services[0].address();
    let (_, api_key) = &subject.workspaces[0];
    let Form { path, status, .. } = request.form();
    let worker = poster(address, path, api_key, &bodies, status);
    report.add(processes.measure(kind, payload::DEVICES, window, vec![worker]));
}

fn store_known_devices(subject: &Subject) {
    for set in 0..KNOWN_SETS {
        let body = payload::unchanging_body(&payload::set_of_devices(set));
        let stored = post(subject, "/devices", &body);
        assert_eq!(stored.status, 201, "{}", stored.text);
    }
}

/// Panics unless every row of a request has the result that is measured.
fn check_result(subject: &Subject, request: BatchRequest, body: &RequestTemplate) {
    let Form {
        path,
        status,
        count,
    } = request.form();
    let Some(count) = count else {
        return;
    };
    let response = post(subject, path, body);
    assert_eq!(response.status, status, "{}", response.text);
    let counted = response.json().pointer(count).and_then(Value::as_u64);
    assert_eq!(counted, Some(payload::DEVICES as u64), "{path}: {count}");
}

fn post(subject: &Subject, path: &str, body: &RequestTemplate) -> Response {
    let (_, api_key) = &subject.workspaces[0];
    let url = format!("http://{}{path}", subject.services[0].address());
    let request = Client::new()
        .post(url)
        .bearer_auth(api_key)
        .header("content-type", "application/json")
        .body(body.bytes.clone());
    Response::from(request.send().expect("the server responds"))
}
