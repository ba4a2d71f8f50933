//! `GET`, `PATCH` and `DELETE /devices/{device_id}`, and `GET /devices`.

mod audit;
mod delete;
mod etags;
mod get;
mod list;
mod patch;
mod patch_errors;

use std::time::{Duration, Instant};

use devices_tests::{Answer, Api, complete_device};
use serde_json::{Map, Value, json};

/// The path of a new device.
fn create_device_path(api: &Api, fields: Value) -> String {
    format!("/devices/{}", api.create_device(fields))
}

fn get(api: &Api, path: &str) -> Value {
    api.list(path)["data"].clone()
}

/// What a device has become by a patch, which must succeed.
fn patch(api: &Api, path: &str, fields: &Value) -> Value {
    let response = api.send("PATCH", path, fields);
    assert_eq!(response.status, 200, "{fields}: {}", response.text);
    let data = response.json()["data"].clone();
    assert_eq!(get(api, path), data, "what is answered is what is stored");
    data
}

/// What device management is answered that reports this status of a serial number.
fn report(api: &Api, serial_number: &str, status: &str) -> Answer {
    let path = format!("/mdm/enrollments/{serial_number}");
    api.send("PUT", &path, &json!({ "status": status }))
}

fn tag(api: &Api, path: &str) -> String {
    let response = api.ask("GET", path);
    let tag = response.header("etag").to_owned();
    assert!(
        tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'),
        "{response:?}"
    );
    tag
}

/// Refused with 400 for these fields and reasons, as a body is: without an index.
fn assert_rejected(response: &Answer, status: u16, expected: &[(&str, &str)]) -> Value {
    assert_eq!(response.status, status, "{}", response.text);
    let body = response.json();
    let entries = body["errors"].as_array();
    let entries = entries.unwrap_or_else(|| panic!("{body}"));
    let mut told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            (text("field"), text("reason"))
        })
        .collect();
    let mut expected = expected.to_vec();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected, "{body}");
    assert_eq!(body["errors_total"], expected.len());
    for entry in entries {
        assert_eq!(entry["index"], Value::Null, "{body}");
        let field = entry["field"].as_str().unwrap();
        let pointer = entry["pointer"].as_str().unwrap();
        assert!(pointer.starts_with(&format!("/{field}")), "{body}");
        let message = entry["message"].as_str().unwrap();
        assert!(message.starts_with(field), "{body}");
    }
    body
}

/// The characteristics that are texts of any words.
const TEXTS: [&str; 12] = [
    "screen_size",
    "graphic",
    "processor",
    "ram",
    "storage",
    "model_year",
    "connectivity",
    "resolution",
    "color",
    "seats_number",
    "assembly",
    "os_platform",
];

/// A device in which every field is set, assigned to `user`.
fn complete_request(user: i64) -> Value {
    complete_device(json!({
        "user_id": user, "client_purchase_price": "1299,5", "client_rental_price": "49",
        "client_warranty_endDate": "2027-02-28T23:59:59Z", "compliance": "CE",
    }))
}

/// What is shown of it.
fn complete_response(id: i64, user: i64) -> Value {
    let mut shown = complete_device(json!({
        "id": id, "rent": null, "tracking_number": null, "client_status": "IN_MAINTENANCE",
        "source": "EXTERNAL", "mdm": null, "user_id": user,
        "user": {"id": user, "email": "ada@example.com", "first_name": null, "last_name": null},
    }));
    let beside = [
        "keyboard_layout",
        "compliance",
        "connection_type",
        "has_microphone",
        "has_webcam",
        "noise_cancellation",
        "has_stool",
        "has_video_package",
        "has_screen",
        "has_premium_tablet",
    ];
    let members = shown.as_object_mut().unwrap();
    let characteristics = TEXTS.iter().chain(&beside);
    let characteristics: Map<_, _> = characteristics
        .map(|name| members.remove_entry(*name).unwrap())
        .collect();
    shown["characteristics"] = characteristics.into();
    shown
}

/// The device without the instants, which no test knows before.
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

/// Asks again as long as there is no room, as clients are told to.
fn retry_while_unavailable(ask: impl Fn() -> Answer) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let response = ask();
        if response.status != 503 || Instant::now() > deadline {
            return response;
        }
    }
}
