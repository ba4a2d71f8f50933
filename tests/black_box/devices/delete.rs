//! `DELETE /devices/{device_id}`.

use devices_tests::{Api, race};
use serde_json::{Value, json};

use super::{
    complete_request, create_device_path, get, patch, put_enrollment, retry_while_unavailable,
};

#[test]
fn deleted_device_is_archived_and_read_only() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let reported = put_enrollment(&api, "C02XL0GSJGH5", "ENROLLED");
    assert_eq!(reported.status, 201);
    let path = create_device_path(&api, complete_request(ada));
    let before = get(&api, &path);
    assert_eq!(before["mdm"]["status"], "ENROLLED");
    let deleted = api.call("DELETE", &path);
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    let mut expected = before.clone();
    expected["client_status"] = json!("ARCHIVED");
    expected["mdm"] = Value::Null;
    let snapshot = deleted.json()["data"].clone();
    assert!(snapshot["updated_at"].as_str() > before["updated_at"].as_str());
    expected["updated_at"] = snapshot["updated_at"].clone();
    assert_eq!(snapshot, expected);

    api.call("DELETE", &path)
        .assert_error(404, "DEVICE_NOT_FOUND");
    let response = api.send("PATCH", &path, &json!({"color": "red"}));
    response.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
    let response = api.send("PATCH", &path, &json!({"color": "black"}));
    response.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
    let response = api.call("GET", &path);
    assert_eq!(response.status, 200);
    assert_eq!(response.json()["data"], snapshot);
    let etag = response.header("etag");
    assert!(!etag.is_empty());
    let response = api.call_with("GET", &path, &[("If-None-Match", etag)]);
    assert_eq!(response.status, 304);
    let response = api.call_with("DELETE", &path, &[("If-Match", etag)]);
    response.assert_error(404, "DEVICE_NOT_FOUND");
}

#[test]
fn archived_device_keeps_deleted_assignee() {
    let api = Api::start();
    let user = json!({"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"});
    let user = api.send("POST", "/users", &user).json()["data"]["id"].clone();
    let path = create_device_path(&api, json!({"user_id": user}));
    let snapshot = api.call("DELETE", &path);
    let before = api.call("GET", &path);
    assert_eq!(api.call("DELETE", &format!("/users/{user}")).status, 200);

    let device = snapshot.json()["data"].clone();
    assert_eq!(device["user_id"], user);
    assert_eq!(device["user"]["last_name"], "Lovelace");
    let after = api.call("GET", &path);
    assert_eq!(after.text, snapshot.text);
    assert_eq!(after.header("etag"), before.header("etag"));
    for query in ["", "&search=lovelace", &format!("&user_id={user}")] {
        let list = api.get_json(&format!("/devices?client_status=ARCHIVED{query}"));
        assert_eq!(list["data"], json!([device]), "{query}");
    }
    let exported = api.get_json("/devices/export?client_status=ARCHIVED&format=json");
    assert_eq!(exported["devices"][0]["user_email"], "ada@example.com");
    // Other users and active devices are not affected.
    assert_eq!(api.get_json("/users")["meta"]["total"], 0);
    assert_eq!(api.get_json("/devices?search=lovelace")["meta"]["total"], 0);
}

#[test]
fn deleted_device_frees_its_serial_number() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"serial_number": "AGAIN-1"}));
    let reported = put_enrollment(&api, "AGAIN-1", "ENROLLED");
    assert_eq!(reported.json()["data"]["device_id"], 1);
    assert_eq!(api.call("DELETE", &path).status, 200);
    let enrollments = api.get_json("/mdm/enrollments");
    assert_eq!(enrollments["data"][0]["device_id"], Value::Null);
    let second = create_device_path(&api, json!({"serial_number": "again-1"}));
    assert_eq!(get(&api, &second)["mdm"]["status"], "ENROLLED");
    let archived = get(&api, &path);
    assert_eq!(archived["serial_number"], "AGAIN-1");
    assert_eq!(archived["mdm"], Value::Null);
    assert_eq!(api.call("DELETE", &second).status, 200);
    let third = create_device_path(&api, json!({}));
    let device = patch(&api, &third, &json!({"serial_number": "AGAIN-1"}));
    assert_eq!(device["mdm"]["status"], "ENROLLED");
}

#[test]
fn concurrent_deletions_have_one_winner() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let mut statuses = race(4, |_| {
        retry_while_unavailable(|| api.call("DELETE", &path)).status
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404, 404, 404]);
}
