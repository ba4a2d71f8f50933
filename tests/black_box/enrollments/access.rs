//! Enrolments by scope of the key and by workspace.

use devices_tests::{Api, device};
use serde_json::{Value, json};

use super::{device_mdm, enrollment_path, list_links, put};

#[test]
fn read_key_cannot_change_enrollments() {
    let api = Api::start();
    put(&api, "SN-1", "ENROLLED");
    let read = api.create_key("acme", "READ");
    let body = json!({"status": "FAILED"});
    let send = |method: &str, path: &str| api.send_as(&read, method, path, &body);
    assert_eq!(send("GET", "/mdm/enrollments").json()["meta"]["total"], 1);
    for (method, serial_number) in [
        ("PUT", "SN-1"),
        ("PUT", "SN-2"),
        ("PUT", "None"),
        ("DELETE", "SN-1"),
    ] {
        let response = send(method, &enrollment_path(serial_number));
        assert_eq!(response.status, 403, "{method}: {}", response.text);
        assert_eq!(response.json(), json!({"error": "INSUFFICIENT_SCOPE"}));
    }
    assert_eq!(
        api.get_json("/mdm/enrollments")["data"][0]["status"],
        "ENROLLED"
    );
}

#[test]
fn enrollments_of_other_workspaces_are_hidden() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let send = |method: &str, path: &str, body: Value| api.send_as(&globex, method, path, &body);
    put(&api, "SN-1", "ENROLLED");
    let own = api.create_device(json!({"serial_number": "SN-1"}));
    let list = send("GET", "/mdm/enrollments", json!({}));
    assert_eq!(
        list.json(),
        json!({"data": [], "meta": {"total": 0, "limit": 50, "offset": 0}})
    );
    let unknown = send("DELETE", &enrollment_path("SN-1"), json!({}));
    unknown.assert_error(404, "ENROLLMENT_NOT_FOUND");
    // The same serial number in another workspace is another enrolment, without a link to this
    // workspace.
    let foreign = send("PUT", &enrollment_path("SN-1"), json!({"status": "FAILED"}));
    assert_eq!(foreign.status, 201);
    assert_eq!(foreign.json()["data"]["device_id"], Value::Null);
    assert_eq!(device_mdm(&api, own)["status"], "ENROLLED");
    let created = api.post_as(&globex, &json!([device(json!({"serial_number": "SN-1"}))]));
    assert_eq!(created.created_devices()[0]["mdm"]["status"], "FAILED");
    assert_eq!(
        send("DELETE", &enrollment_path("SN-1"), json!({})).status,
        200
    );
    assert_eq!(device_mdm(&api, own)["status"], "ENROLLED");
    assert_eq!(
        list_links(&api, "?linked=true"),
        [("SN-1".to_owned(), json!(own))]
    );
}
