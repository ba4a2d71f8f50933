//! Forms with files.

use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use crate::confidential_values::record_values;
use crate::{Api, Response, send};

/// A body of `multipart/form-data`.
#[derive(Debug, Clone, Default)]
pub struct Form {
    parts: Vec<u8>,
    /// Cells of its file that a server must not log or report.
    pub(crate) values: Vec<String>,
}

/// Boundary between the parts. No test has it in a file.
const BOUNDARY: &str = "----form-of-a-test-7d1b2c9f";

impl Form {
    /// Creates a form with a file.
    pub fn of_file(name: &str, content: impl AsRef<[u8]>) -> Self {
        Self::default().with_file(name, content)
    }

    /// Creates a form with a CSV file of a header and rows, delimited by commas. A server must not
    /// log or report the cells of the rows.
    pub fn of_csv(header: &str, rows: &[&str]) -> Self {
        let lines: Vec<&str> = std::iter::once(header)
            .chain(rows.iter().copied())
            .collect();
        let mut form = Self::of_file("devices.csv", lines.join("\r\n") + "\r\n");
        form.values = rows.iter().flat_map(|row| cells(row)).collect();
        form
    }

    /// Creates a form from an object of texts by the names of their parts.
    pub fn of_texts(parts: &Value) -> Self {
        let parts = parts.as_object().expect("an object").iter();
        parts.fold(Self::default(), |form, (name, text)| {
            let head = format!("Content-Disposition: form-data; name=\"{name}\"");
            form.with_part(&head, text.as_str().expect("a text"))
        })
    }

    /// Adds the part `file`.
    #[must_use]
    pub fn with_file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let head = format!(
            "Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream"
        );
        self.with_part(&head, content)
    }

    /// Adds the part `options`.
    #[must_use]
    pub fn with_options(self, options: &Value) -> Self {
        let head = "Content-Disposition: form-data; name=\"options\"";
        self.with_part(head, options.to_string())
    }

    /// Adds a part with these header lines.
    #[must_use]
    pub fn with_part(mut self, head: &str, content: impl AsRef<[u8]>) -> Self {
        let head = format!("--{BOUNDARY}\r\n{head}\r\n\r\n");
        self.parts.extend_from_slice(head.as_bytes());
        self.parts.extend_from_slice(content.as_ref());
        self.parts.extend_from_slice(b"\r\n");
        self
    }

    /// Returns the value of `Content-Type`.
    pub fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    /// Returns the bytes of the body.
    pub fn into_body(mut self) -> Vec<u8> {
        self.parts
            .extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.parts
    }

    /// Makes the form the body of a request.
    pub fn attach_to(self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header("Content-Type", Self::content_type());
        request.body(self.into_body())
    }
}

/// Returns the texts of the cells of a row, without their quotes.
fn cells(row: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true);
    let records = reader.from_reader(row.as_bytes()).into_records();
    let records = records.map(|record| record.expect("a row of CSV"));
    let cells = records.flat_map(|record| record.iter().map(str::to_owned).collect::<Vec<_>>());
    cells.collect()
}

impl Api {
    /// Sends a form with POST.
    pub fn send_form(&self, path: &str, form: Form) -> Response {
        self.send_form_with(path, &[], form)
    }

    /// Sends a form with POST and these headers.
    pub fn send_form_with(&self, path: &str, headers: &[(&str, &str)], form: Form) -> Response {
        let mut request = self.request("POST", path).bearer_auth(&self.key);
        let port = self.server.address().rsplit(':').next();
        let port = port.and_then(|port| port.parse().ok());
        record_values(port.expect("an address has a port"), &json!(form.values));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(form.attach_to(request))
    }
}
