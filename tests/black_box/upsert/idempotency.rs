//! Idempotency keys of batches with options.

use devices_tests::{Api, Response, device};
use serde_json::{Value, json};

use super::{SKIP, SYNC, UPDATE};

fn post(api: &Api, path: &str, rows: &Value) -> Response {
    let headers = [("Idempotency-Key", "night-1")];
    api.send_with("POST", path, &headers, &json!({"devices": rows}))
}

#[test]
fn response_is_replayed_with_its_status_and_location() {
    for path in [UPDATE, SYNC] {
        let api = Api::start();
        api.create_device(device(json!({"serial_number": "S1"})));
        let rows = json!([
            {"serial_number": "S1", "comment": "x"},
            device(json!({"serial_number": "S2"})),
        ]);
        let (first, replay) = (post(&api, path, &rows), post(&api, path, &rows));
        assert_eq!(first.header("idempotent-replayed"), "");
        assert_eq!(replay.header("idempotent-replayed"), "true");
        assert_eq!((replay.status, &replay.text), (first.status, &first.text));
        let batch = &first.json()["data"]["batch"]["id"];
        let location = format!("/batches/{batch}");
        assert_eq!(first.header("location"), location);
        assert_eq!(replay.header("location"), location);
        assert_eq!(api.database.count("devices"), 2);
    }
}

#[test]
fn key_with_another_option_is_rejected() {
    let api = Api::start();
    let rows = json!([device(json!({"serial_number": "S1"}))]);
    assert_eq!(post(&api, UPDATE, &rows).status, 200);
    let others = [
        "/devices",
        SKIP,
        SYNC,
        "/devices?on_conflict=update&nulls=clear",
        "/devices?on_conflict=update&match=asset_tag",
    ];
    for path in others {
        assert_eq!(post(&api, path, &rows).status, 422, "{path}");
    }
    // These name the same options.
    for path in [
        "/platform/v1/devices?on_conflict=update",
        "/devices?atomic=true&on_conflict=update&nulls=keep&match=serial_number",
    ] {
        let replay = post(&api, path, &rows);
        assert_eq!(replay.header("idempotent-replayed"), "true", "{path}");
    }
}

#[test]
fn explicit_defaults_have_the_same_fingerprint() {
    let api = Api::start();
    let rows = json!([device(json!({}))]);
    assert_eq!(post(&api, "/devices", &rows).status, 201);
    let replay = post(&api, "/devices?on_conflict=error&atomic=true", &rows);
    assert_eq!(
        (replay.status, replay.header("idempotent-replayed")),
        (201, "true")
    );
}

#[test]
fn preference_is_not_part_of_the_fingerprint() {
    let api = Api::start();
    let body = json!({"devices": [device(json!({"serial_number": "S1"}))]});
    let key = ("Idempotency-Key", "night-1");
    let first = api.send_with("POST", SYNC, &[key], &body);
    let minimal = [key, ("Prefer", "return=minimal")];
    let replay = api.send_with("POST", SYNC, &minimal, &body);
    assert_eq!(replay.text, first.text);
    assert_eq!(replay.header("preference-applied"), "");
}

#[test]
fn response_without_effect_is_not_stored() {
    let api = Api::start();
    api.create_device(device(json!({"serial_number": "S1"})));
    let unchanged = json!([{"serial_number": "S1"}]);
    let failed = json!([{"serial_number": "S2"}]);
    for rows in [unchanged, failed] {
        assert_eq!(post(&api, SYNC, &rows).status, 207);
        assert_eq!(api.database.count("idempotency_keys"), 0);
    }
}
