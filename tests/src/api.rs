//! A client of the API, on a server with a workspace and API keys.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use diesel::pg::PgConnection;
use reqwest::blocking::{Body, Client, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    ConfidentialValues, Proxy, Response, Server, ServerOptions, TestDatabase, device, ids,
    record_secret, record_values, run,
};

/// Time after which a server does not use ids any more that it has reserved: their lifetime of
/// 100 ms, and a margin.
const RESERVED_ID_EXPIRY: Duration = Duration::from_millis(150);

/// A server on a database of its own, with the workspace `acme` and a WRITE key for it.
#[derive(Debug)]
pub struct Api {
    /// The server.
    pub server: Server,
    /// The database. Dropped after the server.
    pub database: TestDatabase,
    /// Secret of the WRITE key of the workspace `acme`.
    pub key: String,
    client: Client,
}

impl Api {
    /// Starts a server with the default settings.
    pub fn start() -> Self {
        Self::start_with(&ServerOptions::default())
    }

    /// Starts a server with these options.
    pub fn start_with(options: &ServerOptions) -> Self {
        Self::start_on(TestDatabase::new(), options)
    }

    /// Starts a server with these options on a database without workspaces.
    pub fn start_on(database: TestDatabase, options: &ServerOptions) -> Self {
        create_workspace(&database, "acme");
        let key = create_key(&database, "acme", "WRITE");
        Self::resume(database, key, options)
    }

    /// Starts a server that connects to `database` through a proxy. Its startup jobs have ended, so
    /// that the proxy acts on the next COMMIT of a request. `timeout_ms` is the longest that the
    /// server waits for a connection, and for a statement.
    pub fn behind_proxy(database: TestDatabase, timeout_ms: u32) -> (Self, Proxy) {
        let proxy = Proxy::in_front_of(&database);
        let options = ServerOptions::with("DEVICES__DATABASE__URL", proxy.url())
            .and("DEVICES__DATABASE__POOL_TIMEOUT_MS", timeout_ms)
            .and("DEVICES__DATABASE__STATEMENT_TIMEOUT_MS", timeout_ms);
        let api = Self::start_on(database, &options);
        api.wait_for_startup_jobs();
        (api, proxy)
    }

    /// Starts a new server that uses the database and the key of an earlier one.
    pub fn resume(database: TestDatabase, key: String, options: &ServerOptions) -> Self {
        let server = Server::start_with(&database, options);
        Self {
            server,
            database,
            key,
            client: Client::new(),
        }
    }

    /// Waits until the server has counted what the workspace stores, which it does when it starts.
    pub fn wait_for_startup_jobs(&self) {
        // This number is stored with all others, and no request of a test has added to it before.
        let is_counted = "EXISTS (SELECT 1 FROM usage_counts WHERE resource = 'response_bytes')";
        self.database.wait_until(&format!("SELECT {is_counted}"));
    }

    /// Sets the next id that PostgreSQL returns from a sequence. Waits until the server no longer
    /// uses ids that it has reserved before.
    pub fn set_next_id(&self, sequence: &str, id: u32) {
        let statement = format!("SELECT setval('{sequence}', {id}, false)");
        self.database.execute(&statement);
        // Nothing shows that reserved ids have expired.
        std::thread::sleep(RESERVED_ID_EXPIRY);
    }

    /// Locks a table in ACCESS EXCLUSIVE mode until the returned connection is dropped. No job
    /// waits for the lock: it would hold a connection that the test counts on.
    pub fn lock(&self, table: &str) -> PgConnection {
        self.wait_for_startup_jobs();
        self.database.lock(table)
    }

    /// Creates a workspace. Returns its id.
    pub fn create_workspace(&self, name: &str) -> i64 {
        create_workspace(&self.database, name)
    }

    /// Creates an API key. Returns its secret.
    pub fn create_key(&self, workspace: &str, scope: &str) -> String {
        create_key(&self.database, workspace, scope)
    }

    /// Creates a user with the admin command. Returns its id.
    pub fn add_user(&self, workspace: &str, email: &str) -> i64 {
        let arguments = ["user", "add", "--json", "--workspace", workspace, email];
        id(&run(&self.database, &arguments).json())
    }

    /// Creates a device with these fields and the required ones. Returns its id.
    #[track_caller]
    pub fn create_device(&self, fields: Value) -> i64 {
        self.create_device_as(&self.key, fields)
    }

    /// Creates a device with another key. Returns its id.
    #[track_caller]
    pub fn create_device_as(&self, key: &str, fields: Value) -> i64 {
        self.create_devices_as(key, [fields])[0]
    }

    /// Creates devices with these fields in one batch. Returns their ids.
    #[track_caller]
    pub fn create_devices(&self, rows: impl IntoIterator<Item = Value>) -> Vec<i64> {
        self.create_devices_as(&self.key, rows)
    }

    /// Creates devices with another key. Returns their ids.
    #[track_caller]
    pub fn create_devices_as(&self, key: &str, rows: impl IntoIterator<Item = Value>) -> Vec<i64> {
        let rows: Vec<_> = rows.into_iter().map(device).collect();
        ids(&self.post_as(key, &json!(rows)).created_devices())
    }

    /// Returns the audit events of requests to the workspace `acme`, from the admin command.
    pub fn events(&self) -> Vec<Value> {
        let mut events = self.all_events();
        events.retain(|event| event["operator"].is_null());
        events
    }

    /// Returns all audit events of the workspace `acme`, those of admin commands included.
    pub fn all_events(&self) -> Vec<Value> {
        let output = run(&self.database, &["audit", "--workspace", "acme", "--json"]);
        assert_eq!(output.code, 0, "{output:?}");
        output.json_lines()
    }

    /// Returns a builder of a request without a key.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("a valid method");
        self.client.request(method, self.server.url(path))
    }

    /// Sends `POST /devices` with the WRITE key and an arbitrary body.
    pub fn post_text(&self, body: impl Into<Body>) -> Response {
        self.send_text("POST", "/devices", body)
    }

    /// Sends `POST /devices` with the WRITE key.
    pub fn post(&self, devices: &Value) -> Response {
        self.post_as(&self.key, devices)
    }

    /// Sends `POST /devices` with another key.
    pub fn post_as(&self, key: &str, devices: &Value) -> Response {
        let body = json!({ "devices": devices });
        let request = self.request("POST", "/devices").bearer_auth(key);
        send(request.json(&body))
    }

    /// Sends the head of a `POST /devices` with the WRITE key and these header lines. Returns the
    /// socket, for the body.
    pub fn begin_post(&self, lines: &[&str]) -> TcpStream {
        let mut socket = TcpStream::connect(self.server.address()).expect("the server listens");
        let timeout = socket.set_read_timeout(Some(Duration::from_secs(30)));
        timeout.expect("the timeout is above zero");
        let head = format!(
            "POST /devices HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\n{}\r\n\r\n",
            self.key,
            lines.join("\r\n")
        );
        let result = socket.write_all(head.as_bytes());
        result.expect("the server reads");
        socket
    }

    /// Sends a request with the WRITE key.
    pub fn call(&self, method: &str, path: &str) -> Response {
        self.call_as(&self.key, method, path)
    }

    /// Sends a request with another key.
    pub fn call_as(&self, key: &str, method: &str, path: &str) -> Response {
        send(self.request(method, path).bearer_auth(key))
    }

    /// Sends a request with the WRITE key and these headers.
    pub fn call_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        send(self.request_with(method, path, headers))
    }

    /// Sends a request with the WRITE key and a JSON body.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Response {
        self.send_as(&self.key, method, path, body)
    }

    /// Sends a request with another key and a JSON body.
    pub fn send_as(&self, key: &str, method: &str, path: &str, body: &Value) -> Response {
        send(self.request(method, path).bearer_auth(key).json(body))
    }

    /// Sends a request with the WRITE key, these headers and a JSON body.
    pub fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Response {
        send(self.request_with(method, path, headers).json(body))
    }

    /// Sends a request with the WRITE key, an arbitrary body and `Content-Type: application/json`.
    pub fn send_text(&self, method: &str, path: &str, body: impl Into<Body>) -> Response {
        let headers = [("Content-Type", "application/json")];
        self.send_text_with(method, path, &headers, body)
    }

    /// Sends a request with the WRITE key, these headers and an arbitrary body.
    pub fn send_text_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Response {
        send(self.request_with(method, path, headers).body(body))
    }

    fn request_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let request = self.request(method, path).bearer_auth(&self.key);
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    /// Sends a GET with the WRITE key. Panics unless the status is 200.
    #[track_caller]
    pub fn page(&self, path: &str) -> Response {
        let response = self.call("GET", path);
        assert_eq!(response.status, 200, "{path}: {}", response.text);
        response
    }

    /// Iterates over a page and those after it. Requests each page when the iterator reaches it.
    pub fn pages(&self, path: &str) -> impl Iterator<Item = Response> {
        let mut next = Some(path.to_owned());
        std::iter::from_fn(move || {
            let response = self.page(&next.take()?);
            next = response.link("next");
            Some(response)
        })
    }

    /// Sends a GET with the WRITE key and returns the JSON body. Panics unless the status is 200.
    #[track_caller]
    pub fn get_json(&self, path: &str) -> Value {
        self.page(path).json()
    }

    /// Sends a GET without a key.
    pub fn get_without_key(&self, path: &str) -> Response {
        send(self.request("GET", path))
    }
}

/// Sends a request. Records the values of its body, its idempotency key and the secret in its
/// response as confidential, and panics if an error response contains a confidential value.
pub fn send(request: RequestBuilder) -> Response {
    let (client, request) = request.build_split();
    let request = request.expect("the request is valid");
    let body = request.body().and_then(Body::as_bytes).unwrap_or_default();
    let port = request.url().port().unwrap_or_default();
    if let Ok(body) = serde_json::from_slice(body) {
        record_values(port, &body);
    }
    for key in request.headers().get_all("idempotency-key") {
        record_values(port, &String::from_utf8_lossy(key.as_bytes()).into());
    }
    let response = Response::from(client.execute(request).expect("the server responds"));
    if response.status == 201 && response.text.contains(r#""secret":"#) {
        let secret = &response.json()["data"]["secret"];
        record_secret(secret.as_str().expect("a secret is text"));
    }
    if response.status >= 400 {
        ConfidentialValues::for_server(port).assert_absent_from(&response.text);
    }
    response
}

/// Percent-encodes text for a path segment or a query. Leaves only ASCII letters and digits.
pub fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
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
    let secret = secret.expect("the output contains the secret of a new key");
    record_secret(secret);
    secret.to_owned()
}

fn id(created: &Value) -> i64 {
    created["id"].as_i64().expect("the output contains an id")
}
