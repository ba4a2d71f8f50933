//! `Location` of stored batches.

use devices_tests::{AUTOCOMMIT, Api, ProxyMode, TestDatabase, device, race};
use serde_json::{Value, json};

use super::{create_plain_batch, number};

#[test]
fn location_is_the_batch() {
    let api = Api::start();
    // Stored by one statement, by a transaction of a group, and alone.
    for count in [1, 7, 11, 300] {
        let (path, devices) = create_plain_batch(&api, count);
        let event = format!(
            "SELECT device_ids[1] FROM device_events WHERE id = {}",
            number(&path)
        );
        assert_eq!(api.database.texts(&event), [devices[0].to_string()]);
        assert_eq!(api.get_json(&path)["data"]["created"], count);
    }
}

#[test]
fn batches_of_a_group_have_their_own_locations() {
    let api = Api::start();
    let mut paths = race(16, |_| create_plain_batch(&api, 2));
    for (path, devices) in &paths {
        let listed = api.get_json(&format!("/devices?batch_id={}", number(path)));
        let listed = listed["data"].as_array().unwrap().iter();
        let mut listed: Vec<i64> = listed
            .map(|device| device["id"].as_i64().unwrap())
            .collect();
        listed.sort_unstable();
        assert_eq!(&listed, devices);
    }
    paths.sort_unstable();
    paths.dedup_by(|one, other| one.0 == other.0);
    assert_eq!(paths.len(), 16);
}

#[test]
fn prefixed_path_has_the_same_location() {
    let api = Api::start();
    let body = json!({"devices": [device(json!({}))]});
    let response = api.send("POST", "/platform/v1/devices", &body);
    assert_eq!(response.status, 201, "{}", response.text);
    let path = response.header("location");
    let batch = api.get_json(path);
    assert_eq!(api.get_json(&format!("/platform/v1{path}")), batch);
}

#[test]
fn rejected_batch_has_no_location() {
    let api = Api::start();
    let taken = || json!([device(json!({"serial_number": "SN-1"}))]);
    assert_eq!(api.post(&taken()).status, 201);
    for rejected in [taken(), json!([]), json!([{}])] {
        let response = api.post(&rejected);
        assert_eq!(response.status, 400);
        assert_eq!(response.header("location"), "");
    }
}

#[test]
fn batch_in_doubt_has_a_location() {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 1_000);
    let small = json!([device(json!({"comment": AUTOCOMMIT}))]);
    let large: Value = (0..300).map(|_| device(json!({}))).collect();
    for (devices, count) in [(small, 1), (large, 300)] {
        proxy.set_mode(ProxyMode::DisconnectAfterCommit {
            stay_disconnected: false,
        });
        let response = api.post(&devices);
        assert_eq!(response.status, 201, "{}", response.text);
        assert_eq!(proxy.mode(), ProxyMode::Forward);
        let batch = api.get_json(response.header("location"));
        assert_eq!(batch["data"]["created"], count);
    }
}
