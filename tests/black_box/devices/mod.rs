//! `GET`, `PATCH` and `DELETE /devices/{device_id}`, and `GET /devices`.

mod asset_tags;
mod attributes;
mod audit;
mod delete;
mod etags;
mod get;
mod list;
mod patch;
mod patch_body;
mod patch_errors;
mod patch_unchanged;
mod restore;
mod unlocked_changes;

use std::time::{Duration, Instant};

use devices_domain::{Field, Format, NewDevice, RawRow, RawValue, fields};
use devices_tests::{Api, Response, assert_names, complete_device};
use serde_json::{Map, Value, json};

/// Creates a device and returns its path.
fn create_device_path(api: &Api, fields: Value) -> String {
    format!("/devices/{}", api.create_device(fields))
}

fn get(api: &Api, path: &str) -> Value {
    api.get_json(path)["data"].clone()
}

/// Patches a device, which must succeed, and returns it.
fn patch(api: &Api, path: &str, fields: &Value) -> Value {
    let response = api.send("PATCH", path, fields);
    assert_eq!(response.status, 200, "{fields}: {}", response.text);
    let data = response.json()["data"].clone();
    assert_eq!(get(api, path), data, "GET differs from PATCH");
    data
}

fn put_enrollment(api: &Api, serial_number: &str, status: &str) -> Response {
    let path = format!("/mdm/enrollments/{serial_number}");
    api.send("PUT", &path, &json!({ "status": status }))
}

fn get_etag(api: &Api, path: &str) -> String {
    let response = api.call("GET", path);
    let etag = response.header("etag").to_owned();
    assert!(
        etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'),
        "{response:?}"
    );
    etag
}

/// Asserts that a patch was rejected with exactly these fields and reasons, in any order. Returns
/// the body. The entries have no index, because a patch is not a batch.
fn assert_rejected(response: &Response, status: u16, expected: &[(&str, &str)]) -> Value {
    assert_eq!(response.status, status, "{}", response.text);
    let body = response.json();
    let entries = body["errors"].as_array();
    let entries = entries.unwrap_or_else(|| panic!("{body}"));
    let mut actual: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            (text("field"), text("reason"))
        })
        .collect();
    let mut expected = expected.to_vec();
    actual.sort_unstable();
    expected.sort_unstable();
    assert_eq!(actual, expected, "{body}");
    assert_eq!(body["errors_total"], expected.len());
    for entry in entries {
        assert_eq!(entry["index"], Value::Null, "{body}");
        let field = entry["field"].as_str().unwrap();
        let pointer = entry["pointer"].as_str().unwrap();
        assert!(pointer.starts_with(&format!("/{field}")), "{body}");
        let message = entry["message"].as_str().unwrap();
        let reason = entry["reason"].as_str().unwrap();
        assert_names(message, "field", field, reason, "a patch");
    }
    body
}

/// Returns the names of the fields that responses contain in `characteristics`.
fn characteristic_names() -> Vec<&'static str> {
    let mut row = RawRow::for_device();
    for field in fields().iter().filter(|field| field.is_required()) {
        row.set(field.name(), RawValue::text("x"));
    }
    let characteristics = json!(NewDevice::from_row(&row).unwrap().fields.characteristics);
    let names = fields().iter().map(Field::name);
    names
        .filter(|name| characteristics.get(name).is_some())
        .collect()
}

/// Returns the names of the optional fields that accept any text.
fn optional_text_fields() -> Vec<&'static str> {
    fields()
        .iter()
        .filter(|field| !field.is_required() && matches!(field.format(), Format::Text { .. }))
        .map(Field::name)
        .collect()
}

/// Returns a new device with every field, assigned to `user`.
fn complete_request(user: i64) -> Value {
    complete_device(json!({
        "user_id": user, "client_purchase_price": "1299,5", "client_rental_price": "49",
        "client_warranty_endDate": "2027-02-28T23:59:59Z", "compliance": "CE",
    }))
}

/// Returns the response to [`complete_request`], without timestamps.
fn complete_response(id: i64, user: i64) -> Value {
    let mut device = complete_device(json!({
        "id": id, "rent": null, "tracking_number": null, "client_status": "IN_MAINTENANCE",
        "source": "EXTERNAL", "mdm": null, "user_id": user,
        "user": {"id": user, "email": "ada@example.com", "first_name": null, "last_name": null},
    }));
    let members = device.as_object_mut().unwrap();
    let characteristics: Map<_, _> = characteristic_names()
        .into_iter()
        .map(|name| members.remove_entry(name).unwrap())
        .collect();
    device["characteristics"] = characteristics.into();
    device
}

/// Removes the timestamps, whose values a test cannot predict.
fn without_timestamps(mut device: Value) -> Value {
    let members = device.as_object_mut().unwrap();
    for name in ["created_at", "updated_at"] {
        let instant = members.remove(name).unwrap();
        let instant = instant.as_str().unwrap();
        let is_utc = instant.ends_with('Z') || instant.ends_with("+00:00");
        assert!(is_utc && instant.contains('T'), "{name}: {instant}");
    }
    device
}

/// Retries for up to 30 seconds while the server is at its limits and returns 503.
pub(crate) fn retry_while_unavailable(send: impl Fn() -> Response) -> Response {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let response = send();
        if response.status != 503 || Instant::now() > deadline {
            return response;
        }
    }
}
