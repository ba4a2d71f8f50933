//! `/keys`: API keys over HTTP.

mod access;
mod create;
mod description;
mod list;
mod revoke;
mod rotate;
mod secrets;

use devices_tests::{Api, Response, ServerOptions, run};
use serde_json::{Value, json};

/// A server with an ADMIN key.
struct Keys {
    api: Api,
    /// Secret of the ADMIN key.
    admin: String,
}

/// Id of the ADMIN key: the key of [`Api`] has the first one.
const ADMIN_ID: i64 = 2;

impl Keys {
    fn start() -> Self {
        Self::start_with(&ServerOptions::default())
    }

    fn start_with(options: &ServerOptions) -> Self {
        let api = Api::start_with(options);
        let admin = api.create_key("acme", "ADMIN");
        Self { api, admin }
    }

    fn call(&self, method: &str, path: &str) -> Response {
        self.api.call_as(&self.admin, method, path)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Response {
        self.send_as(&self.admin, method, path, body)
    }

    fn send_as(&self, key: &str, method: &str, path: &str, body: &Value) -> Response {
        self.api.send_as(key, method, path, body)
    }

    /// Creates a key with these fields. Returns the data of the response.
    #[track_caller]
    fn create(&self, fields: &Value) -> Value {
        self.create_as(&self.admin, fields)
    }

    #[track_caller]
    fn create_as(&self, key: &str, fields: &Value) -> Value {
        data(&self.send_as(key, "POST", "/keys", fields), 201)
    }

    /// Creates a key with this scope. Returns its id and its secret.
    #[track_caller]
    fn create_scope(&self, scope: &str) -> (i64, String) {
        id_and_secret(&self.create(&json!({"name": "integration", "scope": scope})))
    }

    /// Runs a command for keys. Returns its JSON output.
    #[track_caller]
    fn command(&self, arguments: &[&str]) -> Value {
        let output = run(
            &self.api.database,
            &[&["key", "--json"], arguments].concat(),
        );
        assert_eq!(output.code, 0, "{output:?}");
        output.json()
    }
}

/// Returns the data of a response with this status.
#[track_caller]
fn data(response: &Response, status: u16) -> Value {
    assert_eq!(response.status, status, "{}", response.text);
    response.json()["data"].clone()
}

fn id_and_secret(created: &Value) -> (i64, String) {
    let secret = created["secret"].as_str().unwrap();
    (created["id"].as_i64().unwrap(), secret.to_owned())
}

/// Asserts that a rule forbids a request, with a message that contains these words.
#[track_caller]
fn assert_forbidden(response: &Response, words: &str) {
    assert_eq!(response.status, 403, "{}", response.text);
    let body = response.json();
    assert_eq!(body["error"], "KEY_MUTATION_FORBIDDEN");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
}
