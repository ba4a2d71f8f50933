//! `/batches`, the filter `batch_id`, and the undo of batches.

mod filter;
mod list;
mod location;
mod options;
mod undo;
mod undo_kept;
mod undo_races;
mod undo_requests;

use devices_tests::{Api, Response, device, ids};
use serde_json::{Value, json};

/// Creates a batch of devices with these fields. Returns its path and the ids of its devices.
#[track_caller]
fn create_batch(api: &Api, rows: impl IntoIterator<Item = Value>) -> (String, Vec<i64>) {
    let rows: Vec<_> = rows.into_iter().map(device).collect();
    let response = api.post(&json!(rows));
    let devices = ids(&response.created_devices());
    (response.header("location").to_owned(), devices)
}

/// Creates a batch of `count` devices without serial numbers.
#[track_caller]
fn create_plain_batch(api: &Api, count: usize) -> (String, Vec<i64>) {
    create_batch(api, (0..count).map(|_| json!({})))
}

/// Returns the number of the batch with this path.
fn number(path: &str) -> i64 {
    let number = path.strip_prefix("/batches/").unwrap();
    number.parse().unwrap()
}

/// Undoes a batch, which must succeed, and returns the effect.
#[track_caller]
fn undo(api: &Api, path: &str) -> Value {
    undo_with(api, path, "")
}

#[track_caller]
fn undo_with(api: &Api, path: &str, query: &str) -> Value {
    succeeded(&api.call("POST", &format!("{path}/undo{query}")))
}

/// Returns the effect that an undo would have.
#[track_caller]
fn preview(api: &Api, path: &str) -> Value {
    succeeded(&api.call("GET", &format!("{path}/undo")))
}

#[track_caller]
fn succeeded(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["data"].clone()
}

/// Returns the effect of an undo of a batch without options.
fn effect(path: &str, archived: &[i64], kept: &[(i64, &str)]) -> Value {
    let kept: Vec<Value> = kept
        .iter()
        .map(|(device, reason)| json!({"device_id": device, "reason": reason}))
        .collect();
    json!({
        "batch_id": number(path), "archived": archived, "kept": kept, "not_undone": {"updated": 0},
    })
}

#[track_caller]
fn patch(api: &Api, device: i64, fields: &Value) {
    succeeded(&api.send("PATCH", &format!("/devices/{device}"), fields));
}

#[track_caller]
fn archive(api: &Api, device: i64) {
    succeeded(&api.call("DELETE", &format!("/devices/{device}")));
}

#[track_caller]
fn restore(api: &Api, device: i64) {
    succeeded(&api.call("POST", &format!("/devices/{device}/restore")));
}

/// Returns the ids of the active devices.
fn active_devices(api: &Api) -> Vec<i64> {
    let mut ids = ids(&api.get_json("/devices?limit=100")["data"]);
    ids.sort_unstable();
    ids
}
