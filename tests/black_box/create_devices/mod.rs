//! `POST /devices`.

mod accepted;
mod body_transfer;
mod conflicts;
mod idempotency;
mod invalid_body;
mod invalid_values;

use devices_tests::{Answer, Api, ServerOptions, device};
use serde_json::{Value, json};

/// A server whose workspace holds one device.
fn api_with_a_device() -> Api {
    api_with(&ServerOptions::default())
}

fn api_with(options: &ServerOptions) -> Api {
    let api = Api::start_with(options);
    let kept = json!([device(json!({"serial_number": "KEPT"}))]);
    assert_eq!(api.post(&kept).status, 201);
    api
}

/// Refused with this status, as the contract has it, and nothing stored.
fn assert_refused(api: &Api, answer: &Answer, status: u16, case: &str) {
    assert_eq!(answer.status, status, "{case}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json", "{case}");
    assert!(!answer.header("x-request-id").is_empty(), "{case}");
    let error = &answer.json()["error"];
    assert!(
        error.as_str().is_some_and(|error| !error.is_empty()),
        "{case}"
    );
    let stored = "SELECT serial_number FROM devices";
    assert_eq!(api.database.texts(stored), ["KEPT"], "{case}");
}

/// The body is refused for this one reason.
fn assert_reason(api: &Api, body: impl Into<Vec<u8>>, reason: &str) -> Answer {
    let body = body.into();
    let case: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    let answer = api.post_text(body);
    assert_refused(api, &answer, 400, &case);
    let reasons: Vec<_> = answer
        .reasons()
        .into_iter()
        .map(|(_, _, why)| why)
        .collect();
    assert_eq!(reasons, [reason], "{case}: {}", answer.text);
    answer
}

/// A device with this value, refused for this reason; the entry points at the field.
fn assert_value(api: &Api, field: &str, value: Value, reason: &str) {
    let body = json!({"devices": [device(json!({})), device(json!({field: value}))]});
    let answer = assert_reason(api, body.to_string(), reason);
    let entry = &answer.json()["errors"][0];
    assert_eq!(entry["index"], 1);
    assert_eq!(entry["field"], field);
    let pointer = entry["pointer"].as_str().unwrap();
    assert!(
        pointer.starts_with(&format!("/devices/1/{field}")),
        "{pointer}"
    );
    let message = entry["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("devices[1].{field}")),
        "{message}"
    );
}
