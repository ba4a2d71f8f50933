//! The effects of an undo.

use devices_tests::{Api, ids};
use serde_json::{Value, json};

use super::{
    active_devices, archive, create_batch, create_plain_batch, effect, number, patch, preview,
    undo, undo_with,
};
use crate::search::before_and_after_indexing;

fn serials(names: &[&str]) -> Vec<Value> {
    let rows = names
        .iter()
        .map(|serial| json!({ "serial_number": serial }));
    rows.collect()
}

/// Returns the audit events of requests: action, devices, and batch.
fn events(api: &Api) -> Vec<(String, Value, Value)> {
    let mut events = api.events();
    events.sort_by_key(|event| event["id"].as_i64());
    let event = |event: Value| {
        let action = event["action"].as_str().unwrap().to_owned();
        (
            action,
            event["device_ids"].clone(),
            event["batch_id"].clone(),
        )
    };
    events.into_iter().map(event).collect()
}

#[test]
fn undo_archives_the_devices_of_the_batch() {
    let api = Api::start();
    let (path, devices) = create_batch(&api, serials(&["B-1", "A-1"]));
    let (_, others) = create_plain_batch(&api, 1);
    let expected = effect(&path, &devices, &[]);
    assert_eq!(preview(&api, &path), expected);
    assert_eq!(active_devices(&api).len(), 3);
    assert_eq!(undo(&api, &path), expected);
    assert_eq!(active_devices(&api), others);
    for device in &devices {
        let device = api.get_json(&format!("/devices/{device}"))["data"].clone();
        assert_eq!(device["client_status"], "ARCHIVED");
        assert!(device["updated_at"].as_str() > device["created_at"].as_str());
    }
    let batch = json!(number(&path));
    let undone = events(&api).split_off(2);
    assert_eq!(
        undone,
        [
            ("DELETED".to_owned(), json!(devices), batch.clone()),
            ("UNDONE".to_owned(), json!([]), batch),
        ]
    );
}

#[test]
fn undone_batch_names_its_undo() {
    let api = Api::start();
    api.create_key("acme", "READ");
    let operator = api.create_key("acme", "WRITE");
    let (path, _) = create_plain_batch(&api, 1);
    let undone = api.call_as(&operator, "POST", &format!("/platform/v1{path}/undo"));
    assert_eq!(undone.status, 200, "{}", undone.text);
    let batch = api.get_json(&path)["data"].clone();
    assert_eq!(batch["undone_by"], json!({"id": 3, "name": "test"}));
    assert_eq!(batch["key"]["id"], 1);
    let event = api.events().pop().unwrap();
    assert_eq!(event["action"], "UNDONE");
    assert_eq!(event["request_id"], undone.header("x-request-id"));
    assert_eq!(batch["undone_at"], event["occurred_at"]);
    assert_eq!(api.get_json("/batches")["data"], json!([batch]));
}

#[test]
fn undo_frees_serial_numbers_and_places() {
    let api = Api::start();
    let names: Vec<String> = (0..300).map(|number| format!("SN-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    api.database
        .execute("UPDATE workspaces SET device_limit = 300");
    let (path, devices) = create_batch(&api, serials(&names));
    let full = api.post(&json!([devices_tests::device(json!({}))]));
    assert_eq!(full.status, 400, "{}", full.text);
    assert_eq!(undo(&api, &path), effect(&path, &devices, &[]));
    // The same devices again: every serial number and every place is free.
    let (again, _) = create_batch(&api, serials(&names));
    assert_ne!(again, path);
    assert_eq!(api.get_json("/devices?limit=1")["meta"]["total"], 300);
    let repeated = undo(&api, &path);
    assert_eq!(repeated["archived"], json!([]));
    assert_eq!(repeated["kept"].as_array().unwrap().len(), 300);
}

#[test]
fn undone_devices_are_found_as_archived_only() {
    let api = Api::start();
    let rows = [json!({"brand": "Lenovo", "serial_number": "FOUND-1"})];
    let (path, devices) = create_batch(&api, rows);
    undo(&api, &path);
    before_and_after_indexing(&api, || {
        for query in ["search=lenovo", "search=found-1", "serial_number=found-1"] {
            let found = |query: &str| ids(&api.get_json(&format!("/devices?{query}"))["data"]);
            assert_eq!(found(query), [0; 0], "{query}");
            assert_eq!(
                found(&format!("{query}&client_status=ARCHIVED")),
                devices,
                "{query}"
            );
        }
    });
}

#[test]
fn second_undo_archives_nothing() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 2);
    undo(&api, &path);
    let batch = api.get_json(&path);
    let before = events(&api);
    let kept = [
        (devices[0], "archived_already"),
        (devices[1], "archived_already"),
    ];
    assert_eq!(preview(&api, &path), effect(&path, &[], &kept));
    assert_eq!(undo(&api, &path), effect(&path, &[], &kept));
    assert_eq!(
        undo_with(&api, &path, "?include_changed=true"),
        effect(&path, &[], &kept)
    );
    assert_eq!(events(&api), before);
    assert_eq!(api.get_json(&path), batch);
}

#[test]
fn second_undo_can_include_changed_devices() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 3);
    patch(&api, devices[1], &json!({"color": "Silver"}));
    archive(&api, devices[2]);
    let kept = [
        (devices[1], "changed_since"),
        (devices[2], "archived_already"),
    ];
    assert_eq!(undo(&api, &path), effect(&path, &devices[..1], &kept));
    assert_eq!(active_devices(&api), [devices[1]]);
    let kept = [
        (devices[0], "archived_already"),
        (devices[2], "archived_already"),
    ];
    let query = "?include_changed=true";
    let previewed = api.get_json(&format!("{path}/undo{query}"))["data"].clone();
    let expected = effect(&path, &devices[1..2], &kept);
    assert_eq!(previewed, expected);
    let first = api.get_json(&path)["data"]["undone_at"].clone();
    assert_eq!(undo_with(&api, &path, query), expected);
    assert_eq!(active_devices(&api), [0; 0]);
    let second = api.get_json(&path)["data"]["undone_at"].clone();
    assert!(second.as_str() > first.as_str(), "{first} {second}");
}
