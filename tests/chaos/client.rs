//! HTTP client of the scenarios.

use std::time::Duration;

use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use crate::batches::Batch;
use crate::results::BatchResult;

/// Response to a batch, classified by the outcome that it reports.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    /// 201, 200 or 207: the batch is stored, as far as its result states.
    Stored {
        result: BatchResult,
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
    /// 500 or another server error, or a success that contradicts itself. Must not happen.
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

    /// Posts devices without options under an idempotency key.
    pub(crate) fn post(&self, address: &str, key: &str, body: &Value) -> Response {
        let request = self.request("POST", address, "/devices");
        outcome(request.header("Idempotency-Key", key).json(body))
    }

    /// Posts a batch.
    pub(crate) fn post_batch(&self, address: &str, batch: &Batch) -> Response {
        let request = self.request("POST", address, &batch.options.path());
        let request = request
            .header("X-Request-Id", &batch.key)
            .json(&batch.body());
        if batch.has_idempotency_key {
            outcome(request.header("Idempotency-Key", &batch.key))
        } else {
            outcome(request)
        }
    }

    /// Undoes a batch. Returns the ids of its archived devices, including those that an earlier
    /// attempt archived. Returns the status of another response, 0 if there is none.
    pub(crate) fn undo(&self, address: &str, batch: i64) -> Result<Vec<i64>, u16> {
        let request = self.request("POST", address, &format!("/batches/{batch}/undo"));
        let response = request.json(&json!({})).send().map_err(|_| 0u16)?;
        let status = response.status().as_u16();
        let body: Value = response.json().map_err(|_| 0u16)?;
        if status != 200 {
            return Err(status);
        }
        let kept = body["data"]["kept"].as_array().into_iter().flatten();
        let kept = kept.filter(|kept| kept["reason"] == "archived_already");
        let archived = body["data"]["archived"].as_array().into_iter().flatten();
        let ids = archived.chain(kept.map(|kept| &kept["device_id"]));
        Ok(ids.filter_map(Value::as_i64).collect())
    }
}

/// Sends a request that posts a batch.
fn outcome(request: RequestBuilder) -> Response {
    let Ok(response) = request.send() else {
        return Response::ConnectionLost;
    };
    let status = response.status().as_u16();
    let replayed = response.headers().contains_key("idempotent-replayed");
    let location = response.headers().get("location");
    let location = location.and_then(|location| {
        let number = location.to_str().ok()?.strip_prefix("/batches/")?;
        number.parse().ok()
    });
    // A truncated response counts as none.
    let Ok(body) = response.json::<Value>() else {
        return Response::ConnectionLost;
    };
    match status {
        200 | 201 | 207 => match BatchResult::read(location, &body) {
            Some(result) => Response::Stored { result, replayed },
            None => Response::ServerError,
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
