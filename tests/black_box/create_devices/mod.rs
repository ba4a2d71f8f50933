//! `POST /devices`: creates a batch of devices.

mod accepted;
mod body_transfer;
mod conflicts;
mod idempotency;
mod in_doubt;
mod invalid_body;
mod invalid_values;

use devices_tests::{Api, Response, ServerOptions, device};
use serde_json::{Value, json};

/// Starts a server whose workspace has one device.
fn api_with_one_device() -> Api {
    api_with_one_device_and_options(&ServerOptions::default())
}

fn api_with_one_device_and_options(options: &ServerOptions) -> Api {
    let api = Api::start_with(options);
    let devices = json!([device(json!({"serial_number": "KEPT"}))]);
    assert_eq!(api.post(&devices).status, 201);
    api
}

/// Asserts that the request was rejected with this status and an error body, and that nothing was
/// stored.
fn assert_rejected(api: &Api, response: &Response, status: u16, case: &str) {
    assert_eq!(response.status, status, "{case}: {}", response.text);
    assert_eq!(
        response.header("content-type"),
        "application/json",
        "{case}"
    );
    assert!(!response.header("x-request-id").is_empty(), "{case}");
    let error = &response.json()["error"];
    assert!(
        error.as_str().is_some_and(|error| !error.is_empty()),
        "{case}"
    );
    let stored = "SELECT serial_number FROM devices";
    assert_eq!(api.database.texts(stored), ["KEPT"], "{case}");
}

/// Asserts that a body is rejected for this reason only. Returns the response.
fn assert_body_rejected(api: &Api, body: impl Into<Vec<u8>>, reason: &str) -> Response {
    let body = body.into();
    let case: String = String::from_utf8_lossy(&body).chars().take(200).collect();
    let response = api.post_text(body);
    assert_rejected(api, &response, 400, &case);
    let reasons: Vec<_> = response
        .reasons()
        .into_iter()
        .map(|(_, _, reason)| reason)
        .collect();
    assert_eq!(reasons, [reason], "{case}: {}", response.text);
    response
}

/// Asserts that a device with this value is rejected for this reason, and that the error entry
/// points to the field.
fn assert_value_rejected(api: &Api, field: &str, value: Value, reason: &str) {
    let body = json!({"devices": [device(json!({})), device(json!({field: value}))]});
    let response = assert_body_rejected(api, body.to_string(), reason);
    let entry = &response.json()["errors"][0];
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
