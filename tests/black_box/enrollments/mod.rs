//! Enrolments in device management (MDM), and the `mdm` object of devices.

mod access;
mod delete;
mod get;
mod link;
mod list;
mod put;

use devices_domain::enrollment_fields;
use devices_tests::{Api, Response, percent_encode};
use serde_json::{Value, json};

/// Returns an `mdm` object in which all fields except the id are null.
fn empty_mdm(id: i64) -> Value {
    let mut mdm = json!({ "id": id });
    for field in enrollment_fields() {
        mdm[field.name()] = Value::Null;
    }
    mdm
}

fn enrollment_path(serial_number: &str) -> String {
    format!("/mdm/enrollments/{}", percent_encode(serial_number))
}

fn send_put(api: &Api, serial_number: &str, body: &Value) -> Response {
    api.send("PUT", &enrollment_path(serial_number), body)
}

/// Creates or replaces an enrolment, and returns it.
fn put(api: &Api, serial_number: &str, status: &str) -> Value {
    let response = send_put(api, serial_number, &json!({ "status": status }));
    assert!([200, 201].contains(&response.status), "{}", response.text);
    response.json()["data"].clone()
}

/// Returns the `mdm` object of a device. Asserts that `GET /devices/{id}` and the list agree.
fn device_mdm(api: &Api, id: i64) -> Value {
    let device = api.get_json(&format!("/devices/{id}"))["data"].clone();
    let list = api.get_json("/devices?limit=100");
    let listed = list["data"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.filter(|device| device["id"] == id).collect();
    assert_eq!(listed, [&device]);
    device["mdm"].clone()
}

/// Returns the serial number and the device id of each listed enrolment.
fn list_links(api: &Api, query: &str) -> Vec<(String, Value)> {
    let list = api.get_json(&format!("/mdm/enrollments{query}"));
    let data = list["data"].as_array().unwrap();
    assert_eq!(list["meta"]["total"], data.len());
    data.iter()
        .map(|enrollment| {
            let serial_number = enrollment["serial_number"].as_str().unwrap().to_owned();
            (serial_number, enrollment["device_id"].clone())
        })
        .collect()
}

/// Converts an enrolment to the `mdm` object of its device.
fn to_mdm(enrollment: &Value) -> Value {
    let mut mdm = enrollment.clone();
    let members = mdm.as_object_mut().unwrap();
    members.remove("serial_number");
    members.remove("device_id");
    mdm
}
