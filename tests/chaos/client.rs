//! What clients of the real binary send.

use std::time::Duration;

use serde_json::Value;

/// What a client was told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// It is stored; the devices' ids, and whether this was told before.
    Stored { ids: Vec<i64>, replayed: bool },
    /// It is refused, with this status.
    Refused(u16),
    /// Come again: nothing was stored.
    NothingStored,
    /// Come again: another one is at it, or it may have been stored.
    ComeAgain,
    /// Something that must not happen.
    Failed,
    /// Nothing.
    NoAnswer,
}

/// A client with one key.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::blocking::Client,
    secret: String,
}

impl Client {
    pub(crate) fn new(secret: &str) -> Self {
        let http = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(30))
            .build();
        Self {
            http: http.expect("a client can be made"),
            secret: secret.to_owned(),
        }
    }

    /// Posts a body under an idempotency key.
    pub(crate) fn post(&self, address: &str, key: &str, body: &Value) -> Told {
        let request = self
            .http
            .post(format!("http://{address}/devices"))
            .bearer_auth(&self.secret)
            .header("Idempotency-Key", key)
            .json(body);
        let Ok(answer) = request.send() else {
            return Told::NoAnswer;
        };
        let status = answer.status().as_u16();
        let replayed = answer.headers().contains_key("idempotent-replayed");
        // An answer that was cut is none.
        let Ok(body) = answer.json::<Value>() else {
            return Told::NoAnswer;
        };
        match status {
            201 => Told::Stored {
                ids: ids(&body),
                replayed,
            },
            503 if body["message"].is_null() => Told::NothingStored,
            409 | 503 => Told::ComeAgain,
            500.. => Told::Failed,
            refused => Told::Refused(refused),
        }
    }
}

fn ids(body: &Value) -> Vec<i64> {
    let devices = body["data"]["devices"].as_array();
    let devices = devices.expect("a 201 shows the devices");
    devices
        .iter()
        .map(|device| device["id"].as_i64().expect("every device has an id"))
        .collect()
}
