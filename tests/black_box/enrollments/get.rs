//! `GET /mdm/enrollments/{serial_number}`.

use devices_tests::Api;
use serde_json::{Value, json};

use super::{enrollment_path, put, send_put};

#[test]
fn enrollment_is_found_by_serial_number() {
    let api = Api::start();
    let reported = put(&api, "SN-4711", "DRAFT");
    let id = api.create_device(json!({"serial_number": "sn-4711"}));
    for spelling in ["SN-4711", "sn-4711", "ＳＮ-4711", " SN-4711 "] {
        let found = api.get_json(&enrollment_path(spelling));
        let mut expected = reported.clone();
        expected["device_id"] = json!(id);
        assert_eq!(found, json!({ "data": expected }), "{spelling}");
    }
    let prefixed = format!("/platform/v1{}", enrollment_path("SN-4711"));
    assert_eq!(api.get_json(&prefixed)["data"]["id"], reported["id"]);
    let head = api.call("HEAD", &enrollment_path("SN-4711"));
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), "application/json");
    api.call("DELETE", &enrollment_path("SN-4711"));
    let deleted = api.call("GET", &enrollment_path("SN-4711"));
    deleted.assert_error(404, "ENROLLMENT_NOT_FOUND");
}

#[test]
fn special_characters_in_path_are_routed() {
    let api = Api::start();
    for (serial_number, other_spelling) in [
        ("AB/12", "ab/12"),
        ("A/B/C", "a/b/c"),
        ("A+B:1#2", "a+b:1#2"),
        ("A B_1.2", "a b_1.2"),
        ("1/../2", "1/../2"),
    ] {
        let reported = put(&api, serial_number, "ENROLLED");
        assert_eq!(reported["serial_number"], serial_number);
        let path = enrollment_path(other_spelling);
        assert_eq!(api.get_json(&path)["data"], reported, "{path}");
        let list = format!("/mdm/enrollments?serial_number={}", &path[17..]);
        assert_eq!(api.get_json(&list)["data"], json!([reported]), "{list}");
        let deleted = api.call("DELETE", &path);
        assert_eq!(deleted.json()["data"], reported, "{path}");
        assert_eq!(api.call("HEAD", &path).status, 404);
    }
}

#[test]
fn impossible_serial_number_is_not_found() {
    let api = Api::start();
    let too_long = "a1".repeat(40);
    for encoded in [
        "None",
        "n%2Fa",
        "0000",
        "A%25B",
        "S%C3%A9rie",
        "A%00B",
        "A%0AB",
        "%20",
        "%E3%80%80",
        &too_long,
    ] {
        let path = format!("/mdm/enrollments/{encoded}");
        for method in ["GET", "DELETE"] {
            let response = api.call(method, &path);
            response.assert_error(404, "ENROLLMENT_NOT_FOUND");
        }
    }
    // A report for such a serial number is rejected.
    let rejected = send_put(&api, "None", &json!({"status": "ENROLLED"}));
    assert_eq!(rejected.json()["error"], "INVALID_SERIAL_NUMBER");
    for encoded in ["%ff", "A%ffB", "%C3", "%ED%A0%80"] {
        let path = format!("/mdm/enrollments/{encoded}");
        for method in ["GET", "DELETE"] {
            let response = api.call(method, &path);
            assert_eq!(response.status, 400, "{method} {path}: {}", response.text);
            let entry = response.json()["errors"][0].clone();
            assert_eq!(entry["field"], "serial_number", "{path}");
            assert_eq!(entry["reason"], "not_utf8", "{path}");
        }
    }
    for path in ["/mdm/enrollments/", "/mdm/enrollments/a/b", "/mdm/%FF"] {
        api.call("GET", path).assert_error(404, "NOT_FOUND");
    }
}

#[test]
fn earlier_placeholder_is_found_and_deleted() {
    let api = Api::start();
    api.database.execute(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status)
         VALUES (1, 'n/a', 'N/A', 'ENROLLED')",
    );
    let found = api.get_json(&enrollment_path("N/A"))["data"].clone();
    assert_eq!(found["serial_number"], "n/a");
    let list = api.get_json("/mdm/enrollments?serial_number=N/A");
    assert_eq!(list["data"], json!([found]));
    assert_eq!(api.call("DELETE", &enrollment_path("n/A")).status, 200);
    assert_eq!(api.call("GET", &enrollment_path("N/A")).status, 404);
}

#[test]
fn other_methods_of_enrollment_are_listed() {
    let api = Api::start();
    for method in ["POST", "PATCH"] {
        let response = api.call(method, &enrollment_path("SN-1"));
        response.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(response.header("allow"), "GET, HEAD, PUT, DELETE");
    }
    put(&api, "SN-1", "ENROLLED");
    let response = api.call("GET", "/mdm/enrollments/SN-1?linked=true");
    response.assert_parameters_rejected(&["linked"], "an unknown parameter");
}

#[test]
fn enrollments_of_other_workspaces_are_not_found() {
    let api = Api::start();
    put(&api, "SN-1", "ENROLLED");
    api.create_workspace("globex");
    let globex = api.create_key("globex", "READ");
    let response = api.call_as(&globex, "GET", &enrollment_path("SN-1"));
    response.assert_error(404, "ENROLLMENT_NOT_FOUND");
    let list = api.call_as(&globex, "GET", "/mdm/enrollments?serial_number=SN-1");
    assert_eq!(list.json()["data"], json!([]));
    let read = api.create_key("acme", "READ");
    let response = api.call_as(&read, "GET", &enrollment_path("SN-1"));
    assert_eq!(response.json()["data"]["device_id"], Value::Null);
}
