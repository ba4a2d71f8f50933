//! Enrolments in device management.

mod access;
mod delete;
mod link;
mod list;
mod put;

use devices_tests::{Answer, Api, encoded};
use serde_json::{Value, json};

/// The keys of `mdm`.
const MDM_KEYS: [&str; 17] = [
    "id",
    "status",
    "local_name",
    "is_locked",
    "lock_date",
    "firewall_enabled",
    "os_updates_enabled",
    "is_encrypted",
    "screenlock_enabled",
    "is_compromised",
    "os_updates_available",
    "disk_encryption_profile_installed",
    "enrollment_date",
    "unenrollment_date",
    "download_date",
    "last_seen_date",
    "last_sync_date",
];

fn enrollment_path(serial_number: &str) -> String {
    format!("/mdm/enrollments/{}", encoded(serial_number))
}

fn send_put(api: &Api, serial_number: &str, body: &Value) -> Answer {
    api.send("PUT", &enrollment_path(serial_number), body)
}

/// Reports an enrolment; what is answered.
fn put(api: &Api, serial_number: &str, status: &str) -> Value {
    let response = send_put(api, serial_number, &json!({ "status": status }));
    assert!([200, 201].contains(&response.status), "{}", response.text);
    response.json()["data"].clone()
}

/// What `GET /devices/{id}` and the list show as `mdm`; they agree.
fn device_mdm(api: &Api, id: i64) -> Value {
    let device = api.list(&format!("/devices/{id}"))["data"].clone();
    let list = api.list("/devices?limit=100");
    let listed = list["data"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.filter(|device| device["id"] == id).collect();
    assert_eq!(list_links, [&device]);
    device["mdm"].clone()
}

/// Serial number and device of each enrolment that is listed.
fn list_links(api: &Api, query: &str) -> Vec<(String, Value)> {
    let list = api.list(&format!("/mdm/enrollments{query}"));
    let data = list["data"].as_array().unwrap();
    assert_eq!(list["meta"]["total"], data.len());
    data.iter()
        .map(|one| {
            let serial_number = one["serial_number"].as_str().unwrap().to_owned();
            (serial_number, one["device_id"].clone())
        })
        .collect()
}

/// Without what only enrolments themselves show.
fn to_mdm(enrollment: &Value) -> Value {
    let mut mdm = enrollment.clone();
    let members = mdm.as_object_mut().unwrap();
    members.remove("serial_number");
    members.remove("device_id");
    mdm
}
