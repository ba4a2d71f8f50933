//! Imports of files, over HTTP and by the program `devices`.

mod files;
mod program;

use std::time::{Duration, Instant};

use devices_tests::{ServerProcess, payload};

use crate::arguments::Arguments;
use crate::client::Client;
use crate::postgres_server::PostgresServer;
use crate::report::{ImportForm, ImportSample, Report};
use crate::subject::Subject;

/// Rows of a file that is sent in one request.
const ROWS: usize = 20_000;

/// Measures all forms in turn, each with a server of its own: memory that one of them leaves to the
/// allocator must not hide what another one needs.
pub(crate) fn measure(postgres: &PostgresServer, arguments: &Arguments, report: &mut Report) {
    let subjects = Subject::start_all(postgres, arguments);
    let subject = &subjects[0];
    for form in ImportForm::ALL {
        let server = arguments.serve(arguments.binary(), &subject.url);
        let importer = Importer::new(&server, subject);
        // The first request of a server establishes its connections.
        importer.send(form, 1);
        let idle_memory = server.memory();
        for round in 1..=arguments.rounds {
            subject.reset();
            // An idle server would index what its last request left queued.
            std::thread::sleep(IDLE);
            let duration = importer.send(form, ROWS);
            let sample = ImportSample {
                duration,
                memory_rise: server.peak_memory().saturating_sub(idle_memory),
            };
            eprintln!("round {round}: {}: {sample}", form.name());
            report.add_import(form, sample);
        }
    }
    for rows in program::ROWS {
        subject.reset();
        let sample = program::measure(subject, rows);
        eprintln!("devices import of {rows} rows: {sample}");
        report.add_program_import(rows, sample);
    }
}

/// Time after which a server without requests is idle.
const IDLE: Duration = Duration::from_millis(500);

/// Sends new devices to a server.
struct Importer<'a> {
    server: &'a ServerProcess,
    api_key: &'a str,
}

impl<'a> Importer<'a> {
    fn new(server: &'a ServerProcess, subject: &'a Subject) -> Self {
        let (_, api_key) = &subject.workspaces[0];
        Self { server, api_key }
    }

    /// Sends devices in this form. Returns the time until the last response.
    fn send(&self, form: ImportForm, rows: usize) -> Duration {
        let devices = files::devices(rows);
        let requests = match form {
            ImportForm::Json => {
                let batches = devices.chunks(payload::DEVICES);
                batches.map(|batch| self.json_request(batch)).collect()
            }
            ImportForm::Csv => vec![self.file_request("devices.csv", &files::csv(&devices))],
            ImportForm::Xlsx => vec![self.file_request("devices.xlsx", &files::xlsx(&devices))],
        };
        let mut client = Client::connect(self.server.address());
        let start = Instant::now();
        for request in &requests {
            let status = client.send(request).expect("the server responds");
            assert_eq!(status, 201, "the server stores {}", form.name());
        }
        start.elapsed()
    }

    fn json_request(&self, devices: &[files::Device]) -> Vec<u8> {
        let body = serde_json::json!({ "devices": devices }).to_string();
        self.request("/devices", "application/json", body.as_bytes())
    }

    fn file_request(&self, name: &str, file: &[u8]) -> Vec<u8> {
        let mut body = format!(
            "--boundary\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend(file);
        body.extend(b"\r\n--boundary--\r\n");
        self.request(
            "/devices/import",
            "multipart/form-data; boundary=boundary",
            &body,
        )
    }

    fn request(&self, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
        let (address, api_key) = (self.server.address(), self.api_key);
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {api_key}\r\n\
             content-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend(body);
        request
    }
}
