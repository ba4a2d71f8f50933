//! A client of the API, with a workspace and keys of its own.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use reqwest::blocking::{Body, Client, RequestBuilder, Response};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use crate::{
    Server, ServerOptions, TestDatabase, assert_tells_nothing, keep_secret, keep_values, run,
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

    /// A request, without a key.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, self.server.url(path))
    }

    /// `POST /devices` with a body that may be anything.
    pub fn post_text(&self, body: impl Into<Body>) -> Answer {
        let request = self.request("POST", "/devices").bearer_auth(&self.key);
        send(
            request
                .header("Content-Type", "application/json")
                .body(body),
        )
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
        send(self.request(method, path).bearer_auth(&self.key))
    }

    /// A request with the WRITE key and a body.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        send(self.request(method, path).bearer_auth(&self.key).json(body))
    }

    /// What a GET with the WRITE key, which must succeed, is answered.
    pub fn list(&self, path: &str) -> Value {
        let answer = self.ask("GET", path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
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
    if let Ok(body) = serde_json::from_slice(body) {
        keep_values(&body);
    }
    for key in request.headers().get_all("idempotency-key") {
        keep_values(&String::from_utf8_lossy(key.as_bytes()).into());
    }
    let answer = Answer::from(client.execute(request).expect("the server answers"));
    if answer.status >= 400 {
        assert_tells_nothing(&answer.text);
    }
    answer
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

/// A device that passes, with these fields instead of or beside its own.
pub fn device(fields: Value) -> Value {
    let mut device = Map::new();
    for (name, value) in [
        ("name", "XPS 13"),
        ("type", "laptop"),
        ("category", "computers"),
    ] {
        device.insert(name.to_owned(), value.into());
    }
    if let Value::Object(fields) = fields {
        device.extend(fields);
    }
    device.into()
}
