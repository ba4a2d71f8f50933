//! Rows that match stored devices.

use devices_tests::{Api, device};
use serde_json::{Value, json};

use super::{SKIP, SYNC, UPDATE, assert_rejected, post, post_ok, reasons, results};

#[test]
fn rows_match_the_folded_serial_number() {
    let api = Api::start();
    let id = api.create_device(device(json!({"serial_number": "BZ  000123"})));
    let data = post_ok(
        &api,
        UPDATE,
        &json!([{"serial_number": " bz 000123 ", "brand": "Philips"}]),
    );
    assert_eq!(results(&data), ["updated"]);
    assert_eq!(data["results"][0]["device_id"], id);
    // The stored spelling is kept.
    assert_eq!(data["results"][0]["changed_fields"], json!(["brand"]));
    assert_eq!(data["results"][0]["device"]["serial_number"], "BZ  000123");
}

#[test]
fn rows_match_the_asset_tag_on_request() {
    let api = Api::start();
    let id = api.create_device(device(json!({"asset_tag": "IT-1", "serial_number": "OLD"})));
    let path = "/devices?on_conflict=update&match=asset_tag";
    let rows = json!([
        {"asset_tag": "it-1", "serial_number": "NEW"},
        device(json!({"asset_tag": "IT-2", "serial_number": "S2"})),
    ]);
    let data = post_ok(&api, path, &rows);
    assert_eq!(results(&data), ["updated", "created"]);
    assert_eq!(data["results"][0]["device_id"], id);
    assert_eq!(
        data["results"][0]["changed_fields"],
        json!(["serial_number"])
    );
    // A serial number of another device is a conflict.
    let taken = post(
        &api,
        path,
        &json!([{"asset_tag": "IT-2", "serial_number": "new"}]),
    );
    assert_rejected(&taken, "serial_number", "already_exists");
    assert_eq!(taken.json()["errors"][0]["existing_device_id"], id);
}

#[test]
fn archived_device_never_matches() {
    let api = Api::start();
    let id = api.create_device(device(json!({"serial_number": "S1"})));
    api.call("DELETE", &format!("/devices/{id}"));
    let data = post_ok(
        &api,
        UPDATE,
        &json!([device(json!({"serial_number": "S1"}))]),
    );
    assert_eq!(results(&data), ["created"]);
    assert_ne!(data["results"][0]["device_id"], id);
}

#[test]
fn skipped_row_leaves_the_device_unchanged() {
    let api = Api::start();
    let id = api.create_device(device(json!({"serial_number": "S1", "comment": "kept"})));
    let rows = json!([
        {"serial_number": "S1", "comment": "new"},
        device(json!({"serial_number": "S2"})),
    ]);
    let data = post_ok(&api, SKIP, &rows);
    assert_eq!(results(&data), ["skipped", "created"]);
    assert_eq!(data["results"][0]["device"]["comment"], "kept");
    assert_eq!(data["results"][0]["device_id"], id);
}

#[test]
fn new_row_needs_the_required_fields() {
    let api = Api::start();
    let rows = json!([{"serial_number": "S1", "comment": "x"}]);
    let rejected = post(&api, UPDATE, &rows).json();
    let fields: Vec<_> = rejected["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["name", "type", "category"]);
}

#[test]
fn known_device_is_reassigned_by_two_fields() {
    let api = Api::start();
    let (ada, alan) = (
        api.add_user("acme", "ada@example.com"),
        api.add_user("acme", "alan@example.com"),
    );
    api.create_device(device(json!({"serial_number": "S1", "user_id": ada})));
    let rows = json!([{"serial_number": "S1", "user_email": "alan@example.com"}]);
    let data = post_ok(&api, UPDATE, &rows);
    let row = &data["results"][0];
    assert_eq!(row["changed_fields"], json!(["user_id"]));
    assert_eq!(row["device"]["user"]["id"], alan);
    assert_eq!(api.get_json("/devices/1")["data"], row["device"]);
}

#[test]
fn nulls_are_kept_or_cleared() {
    let api = Api::start();
    api.create_device(device(
        json!({"serial_number": "S1", "comment": "x", "brand": "Dell"}),
    ));
    let rows = json!([{"serial_number": "S1", "comment": null, "brand": "", "name": null}]);
    assert_eq!(results(&post_ok(&api, UPDATE, &rows)), ["unchanged"]);
    let clear = "/devices?on_conflict=update&nulls=clear";
    let rejected = post(&api, clear, &rows);
    assert_rejected(&rejected, "name", "not_nullable");
    let rows = json!([{"serial_number": "S1", "comment": null, "brand": ""}]);
    let data = post_ok(&api, clear, &rows);
    assert_eq!(
        data["results"][0]["changed_fields"],
        json!(["brand", "comment"])
    );
    assert_eq!(data["results"][0]["device"]["comment"], Value::Null);
}

#[test]
fn immutable_fields_are_compared_without_case() {
    let api = Api::start();
    api.create_device(device(json!({"serial_number": "S1", "type": "Laptop"})));
    let same = json!([device(json!({
        "serial_number": "S1", "type": "LAPTOP", "added_via": "MASS_IMPORT",
    }))]);
    assert_eq!(results(&post_ok(&api, UPDATE, &same)), ["unchanged"]);
    let other = json!([{"serial_number": "S1", "type": "phone"}]);
    assert_rejected(&post(&api, UPDATE, &other), "type", "immutable_field");
}

#[test]
fn dates_are_checked_with_stored_dates() {
    let api = Api::start();
    let rental = json!({"serial_number": "S1", "client_rental_startDate": "2026-03-01"});
    api.create_device(device(rental));
    let rows = json!([{"serial_number": "S1", "client_rental_endDate": "2026-02-28"}]);
    let rejected = post(&api, UPDATE, &rows);
    assert_rejected(&rejected, "client_rental_endDate", "ends_before_start");
}

#[test]
fn device_keeps_its_own_unique_values() {
    let api = Api::start();
    api.create_devices([
        device(json!({"serial_number": "S1", "asset_tag": "T1"})),
        device(json!({"serial_number": "S2", "asset_tag": "T2"})),
    ]);
    let rows = json!([
        {"serial_number": "S1", "asset_tag": "t1", "comment": "x"},
        {"serial_number": "S2", "asset_tag": "T1"},
        device(json!({"serial_number": "S3", "asset_tag": "T2"})),
    ]);
    let data = post_ok(&api, SYNC, &rows);
    assert_eq!(results(&data), ["updated", "failed", "failed"]);
    // Another spelling of the tag is a change.
    assert_eq!(
        data["results"][0]["changed_fields"],
        json!(["comment", "asset_tag"])
    );
    assert_eq!(
        reasons(&data["results"][1]),
        ["duplicate", "already_exists"]
    );
    assert_eq!(reasons(&data["results"][2]), ["already_exists"]);
}

#[test]
fn changed_devices_are_found_by_new_values() {
    let api = Api::start();
    api.create_devices([device(json!({"serial_number": "S1", "comment": "harbour"}))]);
    post_ok(
        &api,
        UPDATE,
        &json!([{"serial_number": "S1", "comment": "airport"}]),
    );
    let total =
        |search: &str| api.get_json(&format!("/devices?search={search}"))["meta"]["total"].clone();
    assert_eq!((total("airport"), total("harbour")), (json!(1), json!(0)));
}

#[test]
fn etag_of_updated_device_changes() {
    let api = Api::start();
    api.create_device(device(json!({"serial_number": "S1"})));
    let etag = api.call("GET", "/devices/1").header("etag").to_owned();
    post_ok(
        &api,
        UPDATE,
        &json!([{"serial_number": "S1", "comment": "x"}]),
    );
    let stale = [("If-Match", etag.as_str())];
    let patch = api.send_with("PATCH", "/devices/1", &stale, &json!({"comment": "y"}));
    assert_eq!(patch.status, 412);
}
