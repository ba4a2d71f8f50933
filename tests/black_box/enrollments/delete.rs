//! `DELETE /mdm/enrollments/{serial_number}`.

use devices_tests::Api;
use serde_json::{Value, json};

use super::{as_mdm, listed, path_of, put, put_answer, shown_mdm};

#[test]
fn a_deleted_enrolment_is_told_once_more_and_then_gone_and_a_new_one_is_another() {
    let api = Api::start();
    let id = api.create_device(json!({"serial_number": "SN-4711"}));
    let put_first = put(&api, "SN-4711", "ENROLLED");
    let deleted = api.ask("DELETE", &path_of("sn-4711"));
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert_eq!(deleted.json(), json!({ "data": put_first }));
    assert_eq!(listed(&api, ""), []);
    assert_eq!(shown_mdm(&api, id), Value::Null);
    for serial_number in ["SN-4711", "SN-4711", "NEVER-1"] {
        let gone = api.ask("DELETE", &path_of(serial_number));
        gone.assert_error(404, "ENROLLMENT_NOT_FOUND");
    }
    let answer = put_answer(&api, "SN-4711", &json!({"status": "ENROLLED"}));
    assert_eq!(answer.status, 201);
    assert_ne!(answer.json()["data"]["id"], put_first["id"]);
    assert_eq!(shown_mdm(&api, id), as_mdm(&answer.json()["data"]));
}
