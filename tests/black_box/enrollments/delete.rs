//! `DELETE /mdm/enrollments/{serial_number}`.

use devices_tests::Api;
use serde_json::{Value, json};

use super::{device_mdm, enrollment_path, list_links, put, send_put, to_mdm};

#[test]
fn deleted_enrollment_is_returned_then_not_found() {
    let api = Api::start();
    let id = api.create_device(json!({"serial_number": "SN-4711"}));
    let put_first = put(&api, "SN-4711", "ENROLLED");
    let deleted = api.call("DELETE", &enrollment_path("sn-4711"));
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert_eq!(deleted.json(), json!({ "data": put_first }));
    assert_eq!(list_links(&api, ""), []);
    assert_eq!(device_mdm(&api, id), Value::Null);
    for serial_number in ["SN-4711", "SN-4711", "NEVER-1"] {
        let response = api.call("DELETE", &enrollment_path(serial_number));
        response.assert_error(404, "ENROLLMENT_NOT_FOUND");
    }
    let response = send_put(&api, "SN-4711", &json!({"status": "ENROLLED"}));
    assert_eq!(response.status, 201);
    assert_ne!(response.json()["data"]["id"], put_first["id"]);
    assert_eq!(device_mdm(&api, id), to_mdm(&response.json()["data"]));
}
