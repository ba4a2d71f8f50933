//! `POST /devices` with options: rows that match stored devices, and batches of which only the
//! valid rows are stored.

mod bad_input;
mod idempotency;
mod limits;
mod matching;
mod partial;
mod races;
mod results;
mod statements;
mod validate;

use devices_tests::{Api, Response};
use serde_json::{Value, json};

const UPDATE: &str = "/devices?on_conflict=update";
const SKIP: &str = "/devices?on_conflict=skip";
const PARTIAL: &str = "/devices?atomic=false";
const SYNC: &str = "/devices?on_conflict=update&atomic=false";

/// Posts rows to a path with options.
fn post(api: &Api, path: &str, rows: &Value) -> Response {
    api.send("POST", path, &json!({"devices": rows}))
}

/// Posts rows, and returns the member `data` of the response.
fn post_ok(api: &Api, path: &str, rows: &Value) -> Value {
    let response = post(api, path, rows);
    let expected = if path.contains("atomic=false") {
        207
    } else {
        200
    };
    assert_eq!(response.status, expected, "{path}: {}", response.text);
    response.json()["data"].clone()
}

/// Returns the `result` of each row.
fn results(data: &Value) -> Vec<&str> {
    let rows = data["results"].as_array().unwrap().iter();
    rows.map(|row| row["result"].as_str().unwrap()).collect()
}

/// Returns the reasons of a failed row.
fn reasons(row: &Value) -> Vec<&str> {
    let errors = row["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["reason"].as_str().unwrap())
        .collect()
}

/// Asserts that a batch was rejected for one error.
#[track_caller]
fn assert_rejected(response: &Response, field: &str, reason: &str) {
    assert_eq!(response.status, 400, "{}", response.text);
    let body = response.json();
    assert_eq!(body["errors_total"], 1, "{body}");
    assert_eq!(body["errors"][0]["field"], field, "{body}");
    assert_eq!(body["errors"][0]["reason"], reason, "{body}");
}
