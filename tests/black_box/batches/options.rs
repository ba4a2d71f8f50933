//! Batches with options: their counts, and their undo.

use devices_tests::{Api, device, ids};
use serde_json::{Value, json};

use super::{active_devices, create_batch, number, preview, succeeded, undo};

/// Stores a batch that creates, changes, leaves and rejects a device each. Returns its path, and
/// the ids of the created device and of the changed one.
fn sync(api: &Api) -> (String, i64, i64) {
    let rows = ["SN-1", "SN-2"].map(|serial| json!({ "serial_number": serial }));
    let (_, known) = create_batch(api, rows);
    let row = |fields: Value| device(fields);
    let body = json!({"devices": [
        row(json!({"serial_number": "SN-3"})),
        row(json!({"serial_number": "SN-1", "comment": "Synchronized"})),
        row(json!({"serial_number": "SN-2"})),
        row(json!({"serial_number": "None"})),
    ]});
    let response = api.send("POST", "/devices?on_conflict=update&atomic=false", &body);
    assert_eq!(response.status, 207, "{}", response.text);
    let path = response.header("location").to_owned();
    let created = &response.json()["data"]["results"][0]["device_id"];
    (path, created.as_i64().unwrap(), known[0])
}

#[test]
fn batch_with_options_has_its_counts() {
    let api = Api::start();
    let (path, created, _) = sync(&api);
    let batch = api.get_json(&path)["data"].clone();
    let expected = json!({
        "id": number(&path), "on_conflict": "update", "atomic": false,
        "rows": 4, "created": 1, "updated": 1, "unchanged": 1, "skipped": 0, "failed": 1,
        "undone_at": null, "undone_by": null,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&batch[name], value, "{name}");
    }
    let listed = api.get_json("/batches");
    assert_eq!(listed["meta"]["total"], 2);
    assert_eq!(listed["data"][0], batch);
    let devices = api.get_json(&format!("/devices?batch_id={}", number(&path)));
    assert_eq!(ids(&devices["data"]), [created]);
}

#[test]
fn undo_leaves_devices_that_the_batch_changed() {
    let api = Api::start();
    let (path, created, changed) = sync(&api);
    let expected = json!({
        "batch_id": number(&path), "archived": [created], "kept": [],
        "not_undone": {"updated": 1},
    });
    assert_eq!(preview(&api, &path), expected);
    assert_eq!(undo(&api, &path), expected);
    assert!(!active_devices(&api).contains(&created));
    let device = succeeded(&api.call("GET", &format!("/devices/{changed}")));
    assert_eq!(device["comment"], "Synchronized");
}

#[test]
fn device_that_a_later_batch_changed_is_kept() {
    let api = Api::start();
    let (path, created, _) = sync(&api);
    let update = |comment: Value| {
        let row = json!({"serial_number": "SN-3", "comment": comment});
        let body = json!({ "devices": [row] });
        succeeded(&api.send("POST", "/devices?on_conflict=update", &body))
    };
    // A row that changes nothing leaves the device as the batch created it.
    let unchanged = update(json!(null));
    assert_eq!(unchanged["results"][0]["result"], "unchanged");
    assert_eq!(preview(&api, &path)["archived"], json!([created]));
    let updated = update(json!("Changed again"));
    assert_eq!(updated["results"][0]["result"], "updated");
    let kept = json!([{"device_id": created, "reason": "changed_since"}]);
    assert_eq!(undo(&api, &path)["kept"], kept);
    let second = format!("/batches/{}", updated["batch"]["id"]);
    let nothing = undo(&api, &second);
    assert_eq!(nothing["archived"], json!([]));
    assert_eq!(nothing["not_undone"], json!({"updated": 1}));
    assert_eq!(api.get_json(&second)["data"]["undone_at"], Value::Null);
}
