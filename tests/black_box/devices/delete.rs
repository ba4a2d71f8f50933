//! `DELETE /devices/{device_id}`.

use devices_tests::{Api, race};
use serde_json::{Value, json};

use super::{complete, get, new_path, patch, report, until_there_is_room};

#[test]
fn a_deleted_device_is_archived_shown_and_changed_no_more() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let reported = report(&api, "C02XL0GSJGH5", "ENROLLED");
    assert_eq!(reported.status, 201);
    let path = new_path(&api, complete(ada));
    let before = get(&api, &path);
    assert_eq!(before["mdm"]["status"], "ENROLLED");
    let deleted = api.ask("DELETE", &path);
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    let mut expected = before.clone();
    expected["client_status"] = json!("ARCHIVED");
    expected["mdm"] = Value::Null;
    let snapshot = deleted.json()["data"].clone();
    assert!(snapshot["updated_at"].as_str() > before["updated_at"].as_str());
    expected["updated_at"] = snapshot["updated_at"].clone();
    assert_eq!(snapshot, expected);

    api.ask("DELETE", &path)
        .assert_error(404, "DEVICE_NOT_FOUND");
    let answer = api.send("PATCH", &path, &json!({"color": "red"}));
    answer.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
    let answer = api.send("PATCH", &path, &json!({"color": "black"}));
    answer.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
    let shown = api.ask("GET", &path);
    assert_eq!(shown.status, 200);
    assert_eq!(shown.json()["data"], snapshot);
    let etag = shown.header("etag");
    assert!(!etag.is_empty());
    let answer = api.ask_with("GET", &path, &[("If-None-Match", etag)]);
    assert_eq!(answer.status, 304);
    let answer = api.ask_with("DELETE", &path, &[("If-Match", etag)]);
    answer.assert_error(404, "DEVICE_NOT_FOUND");
}

#[test]
fn the_serial_number_of_a_deleted_device_is_free_again() {
    let api = Api::start();
    let path = new_path(&api, json!({"serial_number": "AGAIN-1"}));
    let reported = report(&api, "AGAIN-1", "ENROLLED");
    assert_eq!(reported.json()["data"]["device_id"], 1);
    assert_eq!(api.ask("DELETE", &path).status, 200);
    let enrolments = api.list("/mdm/enrollments");
    assert_eq!(enrolments["data"][0]["device_id"], Value::Null);
    let second = new_path(&api, json!({"serial_number": "again-1"}));
    assert_eq!(get(&api, &second)["mdm"]["status"], "ENROLLED");
    let archived = get(&api, &path);
    assert_eq!(archived["serial_number"], "AGAIN-1");
    assert_eq!(archived["mdm"], Value::Null);
    assert_eq!(api.ask("DELETE", &second).status, 200);
    let third = new_path(&api, json!({}));
    let shown = patch(&api, &third, &json!({"serial_number": "AGAIN-1"}));
    assert_eq!(shown["mdm"]["status"], "ENROLLED");
}

#[test]
fn of_several_deletions_at_once_exactly_one_is_made() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let mut statuses = race(4, |_| {
        until_there_is_room(|| api.ask("DELETE", &path)).status
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404, 404, 404]);
}
