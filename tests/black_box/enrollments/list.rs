//! `GET /mdm/enrollments`.

use devices_tests::{Api, ids};
use serde_json::{Value, json};

use super::{list_links, put};

#[test]
fn enrollments_are_listed_newest_first() {
    let api = Api::start();
    put(&api, "SN-1", "ENROLLED");
    put(&api, "SN-2", "DRAFT");
    put(&api, "SN-3", "UNENROLLED");
    put(&api, "SN-4", "DRAFT");
    let first = api.create_device(json!({"serial_number": "sn-1"}));
    let second = api.create_device(json!({"serial_number": "sn-2"}));
    api.create_device(json!({"serial_number": "SN-5"}));
    let link = |serial: &str, device: Value| (serial.to_owned(), device);
    let all = [
        link("SN-4", Value::Null),
        link("SN-3", Value::Null),
        link("SN-2", json!(second)),
        link("SN-1", json!(first)),
    ];
    assert_eq!(list_links(&api, ""), all);
    assert_eq!(list_links(&api, "?linked=true"), all[2..]);
    assert_eq!(list_links(&api, "?linked=false"), all[..2]);
    // A replaced enrolment keeps its position.
    put(&api, "SN-1", "FAILED");
    assert_eq!(list_links(&api, ""), all);
    for invalid in ["yes", "1", "TRUE", "", "null"] {
        let response = api.call("GET", &format!("/mdm/enrollments?linked={invalid}"));
        response.assert_parameters_rejected(&["linked"], invalid);
    }
    let misspelled = api.call("GET", "/mdm/enrollments?linkd=true&limit=0");
    assert_eq!(misspelled.status, 400);
    let entries = misspelled.json()["errors"].clone();
    assert_eq!(entries[0]["field"], "limit");
    assert_eq!(entries[1]["did_you_mean"], "linked");
}

#[test]
fn cursor_visits_each_enrollment_once() {
    let api = Api::start();
    for number in 0..7 {
        put(&api, &format!("SN-{number}"), "ENROLLED");
    }
    let mut seen = Vec::new();
    for response in api.pages("/mdm/enrollments?linked=false&limit=3") {
        let list = response.json();
        assert_eq!(
            list["meta"],
            json!({"total": 7, "limit": 3, "offset": seen.len()})
        );
        seen.extend(ids(&list["data"]));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let page = api.get_json("/mdm/enrollments?limit=2&offset=2");
    assert_eq!(page["data"][0]["id"], 5);
}
