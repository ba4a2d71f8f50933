//! HTTP client of the scenarios.

use std::time::Duration;

use reqwest::blocking::RequestBuilder;
use serde_json::Value;

/// Response to a batch, classified by the outcome that it reports.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    /// 201: the batch is stored.
    Stored {
        /// Ids of the devices, in order.
        ids: Vec<i64>,
        /// `true` if the response replays that of an earlier attempt.
        replayed: bool,
    },
    /// A 4xx status: the batch is rejected.
    Rejected(u16),
    /// 503 that does not say that the batch may have been stored: nothing was stored, and the
    /// client may retry.
    NotStored,
    /// 409 or 503: another attempt is in progress, or the commit is in doubt. The client must retry
    /// to learn the outcome.
    InDoubt,
    /// 500 or another server error, which must not happen.
    ServerError,
    /// The connection ended before the whole response arrived.
    ConnectionLost,
}

/// Client with one API key.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    secret: String,
}

impl Client {
    pub(crate) fn new(secret: &str) -> Self {
        Self::build(secret, usize::MAX)
    }

    /// Creates a client that opens a connection for each request.
    pub(crate) fn without_keep_alive(secret: &str) -> Self {
        Self::build(secret, 0)
    }

    fn build(secret: &str, max_idle_connections: usize) -> Self {
        let http = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(max_idle_connections)
            .build();
        Self {
            http: http.expect("the HTTP client can be built"),
            secret: secret.to_owned(),
        }
    }

    /// Builds an authenticated request to the server at `address`.
    pub(crate) fn request(&self, method: &str, address: &str, path: &str) -> RequestBuilder {
        let method = method.parse().expect("the method is valid");
        self.http
            .request(method, format!("http://{address}{path}"))
            .bearer_auth(&self.secret)
    }

    /// Posts a batch under an idempotency key.
    pub(crate) fn post(&self, address: &str, key: &str, body: &Value) -> Response {
        let request = self.request("POST", address, "/devices");
        outcome(request.header("Idempotency-Key", key).json(body))
    }

    /// Posts a batch without an idempotency key.
    pub(crate) fn post_without_key(&self, address: &str, body: &Value) -> Response {
        outcome(self.request("POST", address, "/devices").json(body))
    }
}

/// Sends a request that posts a batch.
fn outcome(request: RequestBuilder) -> Response {
    let Ok(response) = request.send() else {
        return Response::ConnectionLost;
    };
    let status = response.status().as_u16();
    let replayed = response.headers().contains_key("idempotent-replayed");
    // A truncated response counts as none.
    let Ok(body) = response.json::<Value>() else {
        return Response::ConnectionLost;
    };
    match status {
        201 => Response::Stored {
            ids: ids(&body),
            replayed,
        },
        409 => Response::InDoubt,
        503 if may_be_stored(&body) => Response::InDoubt,
        503 => Response::NotStored,
        500.. => Response::ServerError,
        status => Response::Rejected(status),
    }
}

fn may_be_stored(body: &Value) -> bool {
    let message = body["message"].as_str().unwrap_or_default();
    message.starts_with("The batch may have been stored.")
}

fn ids(body: &Value) -> Vec<i64> {
    let devices = body["data"]["devices"].as_array();
    let devices = devices.expect("a 201 contains the devices");
    devices
        .iter()
        .map(|device| device["id"].as_i64().expect("every device has an id"))
        .collect()
}
