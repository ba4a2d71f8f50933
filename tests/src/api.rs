//! A client of the API, with a workspace and keys of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use reqwest::blocking::{Body, Client, RequestBuilder, Response};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::{
    Confidential, Server, ServerOptions, TestDatabase, device, ids, keep_secret, keep_values, run,
};

/// A server on a database of its own, and a workspace in it with a WRITE key.
#[derive(Debug)]
pub struct Api {
    /// The server.
    pub server: Server,
    /// Its database; dropped after the server.
    pub database: TestDatabase,
    /// The WRITE key of the workspace `acme`.
    pub key: String,
    client: Client,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte by byte.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header, or "".
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// `field` and `reason` of every entry, with its index.
    pub fn reasons(&self) -> Vec<(Value, String, String)> {
        let body = self.json();
        let entries = body["errors"].as_array();
        let entries = entries.unwrap_or_else(|| panic!("no report in {body}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        entries
            .iter()
            .map(|entry| {
                (
                    entry["index"].clone(),
                    text(&entry["field"]),
                    text(&entry["reason"]),
                )
            })
            .collect()
    }

    /// The devices of a 201, which it must be.
    #[track_caller]
    pub fn created(&self) -> Value {
        assert_eq!(self.status, 201, "{}", self.text);
        self.json()["data"]["devices"].clone()
    }

    /// The headers by name, without those that differ from one request to the next.
    pub fn stable_headers(&self) -> Vec<(String, String)> {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = value.to_str().expect("headers are text");
            (name.to_string(), value.to_owned())
        });
        let mut headers: Vec<_> = headers
            .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
            .collect();
        headers.sort();
        headers
    }

    /// Status, body and headers, without what differs from one request to the next.
    pub fn comparable(&self) -> (u16, String, Vec<(String, String)>) {
        (self.status, self.text.clone(), self.stable_headers())
    }

    /// Where the `Link` header, which must be there, leads by each relation.
    pub fn links(&self) -> BTreeMap<String, String> {
        let read = |link: &str| {
            let link = link.trim_start_matches('<').strip_suffix('"')?;
            let (target, relation) = link.split_once(">; rel=\"")?;
            Some((relation.to_owned(), target.to_owned()))
        };
        let links: Option<_> = self.header("link").split(", <").map(read).collect();
        links.unwrap_or_else(|| panic!("no links: {self:?}"))
    }

    /// Where the `Link` header leads by this relation.
    pub fn link(&self, relation: &str) -> Option<String> {
        self.links().remove(relation)
    }

    /// The cursor of the page after this one, which there must be.
    pub fn cursor(&self) -> String {
        let next = self.link("next").unwrap_or_default();
        let cursor = next.split_once("cursor=").map(|(_, cursor)| cursor);
        let cursor = cursor.and_then(|cursor| cursor.split('&').next());
        cursor.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// Asserts that this word is all that is said.
    #[track_caller]
    pub fn assert_error(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.json(), json!({ "error": error }));
    }

    /// Asserts that a field of the body is all that is refused, for this reason; its entry.
    #[track_caller]
    pub fn assert_field_refused(&self, field: &str, reason: &str, case: &str) -> Value {
        assert_eq!(self.status, 400, "{case}: {}", self.text);
        let body = self.json();
        assert_eq!(body["errors_total"], 1, "{case}: {body}");
        let entry = body["errors"][0].clone();
        assert_eq!(entry["index"], Value::Null, "{case}");
        assert_eq!(entry["field"], field, "{case}");
        assert_eq!(entry["pointer"], format!("/{field}"), "{case}");
        assert_eq!(entry["reason"], reason, "{case}");
        let message = entry["message"].as_str().unwrap_or_default();
        let begins = message.starts_with(&format!("{field} "));
        assert!(begins, "{case}: {message}");
        match reason {
            "already_exists" => assert_eq!(body["error"], entry["code"], "{case}"),
            _ => {
                assert_eq!(entry["code"], "INVALID_FIELD", "{case}");
                assert_eq!(body["error"], entry["message"], "{case}");
            }
        }
        entry
    }

    /// Asserts that these parameters, in whatever order, are all that is refused; the body.
    #[track_caller]
    pub fn assert_parameters_refused(&self, fields: &[&str], case: &str) -> Value {
        assert_eq!(self.status, 400, "{case}: {}", self.text);
        let body = self.json();
        let entries = body["errors"].as_array();
        let entries = entries.unwrap_or_else(|| panic!("{case}: no report in {body}"));
        let field_of = |entry: &Value| entry["field"].as_str().unwrap_or_default().to_owned();
        let mut told: Vec<_> = entries.iter().map(field_of).collect();
        let mut expected = fields.to_vec();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{case}: {body}");
        assert_eq!(body["errors_total"], fields.len(), "{case}");
        assert_eq!(body["error"], entries[0]["message"], "{case}");
        for entry in entries {
            assert_eq!(entry["index"], Value::Null, "{case}");
            assert_eq!(entry["pointer"], "", "{case}");
            assert_eq!(entry["code"], "INVALID_PARAMETER", "{case}");
            let message = entry["message"].as_str().unwrap_or_default();
            let begins = message.starts_with(&field_of(entry));
            assert!(begins, "{case}: {message}");
        }
        body
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().expect("the answer can be read"),
        }
    }
}

impl Api {
    /// With the default settings.
    pub fn start() -> Self {
        Self::start_with(&ServerOptions::default())
    }

    /// With settings of the test's own.
    pub fn start_with(options: &ServerOptions) -> Self {
        Self::start_on(TestDatabase::new(), options)
    }

    /// On a database without workspaces, with settings of the test's own.
    pub fn start_on(database: TestDatabase, options: &ServerOptions) -> Self {
        create_workspace(&database, "acme");
        let key = create_key(&database, "acme", "WRITE");
        Self::resume(database, key, options)
    }

    /// A new server on the database and with the key of another.
    pub fn resume(database: TestDatabase, key: String, options: &ServerOptions) -> Self {
        let server = Server::start_with(&database, options);
        Self {
            server,
            database,
            key,
            client: Client::new(),
        }
    }

    /// Another workspace.
    pub fn create_workspace(&self, name: &str) -> i64 {
        create_workspace(&self.database, name)
    }

    /// Another key; its secret.
    pub fn create_key(&self, workspace: &str, scope: &str) -> String {
        create_key(&self.database, workspace, scope)
    }

    /// A user to give devices to; its id.
    pub fn add_user(&self, workspace: &str, email: &str) -> i64 {
        let arguments = ["user", "add", "--json", "--workspace", workspace, email];
        id(&run(&self.database, &arguments).json())
    }

    /// Creates a device of these fields, beside those that every device has; its id.
    #[track_caller]
    pub fn create_device(&self, fields: Value) -> i64 {
        self.create_device_as(&self.key, fields)
    }

    /// Creates a device with another key; its id.
    #[track_caller]
    pub fn create_device_as(&self, key: &str, fields: Value) -> i64 {
        self.create_devices_as(key, [fields])[0]
    }

    /// Creates devices of these fields in one batch; their ids.
    #[track_caller]
    pub fn create_devices(&self, rows: impl IntoIterator<Item = Value>) -> Vec<i64> {
        self.create_devices_as(&self.key, rows)
    }

    /// Creates devices with another key; their ids.
    #[track_caller]
    pub fn create_devices_as(&self, key: &str, rows: impl IntoIterator<Item = Value>) -> Vec<i64> {
        let rows: Vec<_> = rows.into_iter().map(device).collect();
        ids(&self.post_as(key, &json!(rows)).created())
    }

    /// What the audit trail of the workspace `acme` tells, as its lines have it.
    pub fn events(&self) -> Vec<Value> {
        let ran = run(&self.database, &["audit", "--workspace", "acme", "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json_lines()
    }

    /// A request, without a key.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, self.server.url(path))
    }

    /// `POST /devices` with a body that may be anything.
    pub fn post_text(&self, body: impl Into<Body>) -> Answer {
        self.send_text("POST", "/devices", body)
    }

    /// `POST /devices` with the WRITE key.
    pub fn post(&self, devices: &Value) -> Answer {
        self.post_as(&self.key, devices)
    }

    /// `POST /devices` with another key.
    pub fn post_as(&self, key: &str, devices: &Value) -> Answer {
        let body = json!({ "devices": devices });
        let request = self.request("POST", "/devices").bearer_auth(key);
        send(request.json(&body))
    }

    /// The head of a `POST /devices` with the WRITE key and these lines, written to a socket whose
    /// other end waits for the body.
    pub fn begin_post(&self, lines: &[&str]) -> TcpStream {
        let mut socket = TcpStream::connect(self.server.address()).expect("the server listens");
        let timeout = socket.set_read_timeout(Some(Duration::from_secs(30)));
        timeout.expect("30 seconds are a time");
        let head = format!(
            "POST /devices HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\n{}\r\n\r\n",
            self.key,
            lines.join("\r\n")
        );
        let written = socket.write_all(head.as_bytes());
        written.expect("the server reads");
        socket
    }

    /// A request with the WRITE key.
    pub fn ask(&self, method: &str, path: &str) -> Answer {
        self.ask_as(&self.key, method, path)
    }

    /// A request with another key.
    pub fn ask_as(&self, key: &str, method: &str, path: &str) -> Answer {
        send(self.request(method, path).bearer_auth(key))
    }

    /// A request with the WRITE key and these headers.
    pub fn ask_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        send(self.request_with(method, path, headers))
    }

    /// A request with the WRITE key and a body.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send_as(&self.key, method, path, body)
    }

    /// A request with another key and a body.
    pub fn send_as(&self, key: &str, method: &str, path: &str, body: &Value) -> Answer {
        send(self.request(method, path).bearer_auth(key).json(body))
    }

    /// A request with the WRITE key, these headers and a body.
    pub fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        send(self.request_with(method, path, headers).json(body))
    }

    /// A request with the WRITE key and a body that may be anything, and is said to be JSON.
    pub fn send_text(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let headers = [("Content-Type", "application/json")];
        send(self.request_with(method, path, &headers).body(body))
    }

    fn request_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let request = self.request(method, path).bearer_auth(&self.key);
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    /// A GET with the WRITE key, which must succeed.
    #[track_caller]
    pub fn page(&self, path: &str) -> Answer {
        let answer = self.ask("GET", path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer
    }

    /// That page and those that it leads to, each asked for when it is come to.
    pub fn pages(&self, path: &str) -> impl Iterator<Item = Answer> {
        let mut next = Some(path.to_owned());
        std::iter::from_fn(move || {
            let answer = self.page(&next.take()?);
            next = answer.link("next");
            Some(answer)
        })
    }

    /// What a GET with the WRITE key, which must succeed, is answered.
    #[track_caller]
    pub fn list(&self, path: &str) -> Value {
        self.page(path).json()
    }

    /// A GET without a key.
    pub fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path))
    }
}

/// Sends a request, and keeps the values of its body and its idempotency key in mind: the server must
/// not tell them, neither in an answer about an error nor elsewhere.
pub fn send(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.expect("it is a request");
    let body = request.body().and_then(Body::as_bytes).unwrap_or_default();
    let port = request.url().port().unwrap_or_default();
    if let Ok(body) = serde_json::from_slice(body) {
        keep_values(port, &body);
    }
    for key in request.headers().get_all("idempotency-key") {
        keep_values(port, &String::from_utf8_lossy(key.as_bytes()).into());
    }
    let answer = Answer::from(client.execute(request).expect("the server answers"));
    if answer.status >= 400 {
        Confidential::of_server(port).assert_untold(&answer.text);
    }
    answer
}

/// Text as a part of a path or of a query, every byte but letters and digits percent-encoded.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

fn create_workspace(database: &TestDatabase, name: &str) -> i64 {
    id(&run(database, &["workspace", "create", "--json", name]).json())
}

fn create_key(database: &TestDatabase, workspace: &str, scope: &str) -> String {
    let mut arguments = vec!["key", "create", "--json", "--name", "test"];
    arguments.extend(["--workspace", workspace, "--scope", scope]);
    let created = run(database, &arguments).json();
    let secret = created["secret"].as_str();
    let secret = secret.expect("a new key shows its secret");
    keep_secret(secret);
    secret.to_owned()
}

fn id(created: &Value) -> i64 {
    created["id"].as_i64().expect("what was created has an id")
}
