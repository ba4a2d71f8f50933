//! `GET /mdm/enrollments`.

use devices_tests::{Api, ids};
use serde_json::{Value, json};

use super::{listed, put};

#[test]
fn enrolments_are_listed_newest_first_with_and_without_a_device() {
    let api = Api::start();
    put(&api, "SN-1", "ENROLLED");
    put(&api, "SN-2", "DRAFT");
    put(&api, "SN-3", "UNENROLLED");
    put(&api, "SN-4", "DRAFT");
    let first = api.create_device(json!({"serial_number": "sn-1"}));
    let second = api.create_device(json!({"serial_number": "sn-2"}));
    api.create_device(json!({"serial_number": "SN-5"}));
    let one = |serial: &str, device: Value| (serial.to_owned(), device);
    let all = [
        one("SN-4", Value::Null),
        one("SN-3", Value::Null),
        one("SN-2", json!(second)),
        one("SN-1", json!(first)),
    ];
    assert_eq!(listed(&api, ""), all);
    assert_eq!(listed(&api, "?linked=true"), all[2..]);
    assert_eq!(listed(&api, "?linked=false"), all[..2]);
    // What is replaced stays where it is.
    put(&api, "SN-1", "FAILED");
    assert_eq!(listed(&api, ""), all);
    for bad in ["yes", "1", "TRUE", "", "null"] {
        let answer = api.ask("GET", &format!("/mdm/enrollments?linked={bad}"));
        answer.assert_parameters_refused(&["linked"], bad);
    }
    let meant = api.ask("GET", "/mdm/enrollments?linkd=true&limit=0");
    assert_eq!(meant.status, 400);
    let entries = meant.json()["errors"].clone();
    assert_eq!(entries[0]["field"], "limit");
    assert_eq!(entries[1]["did_you_mean"], "linked");
}

#[test]
fn a_cursor_leads_through_the_enrolments_once_each() {
    let api = Api::start();
    for number in 0..7 {
        put(&api, &format!("SN-{number}"), "ENROLLED");
    }
    let mut seen = Vec::new();
    for answer in api.pages("/mdm/enrollments?linked=false&limit=3") {
        let list = answer.json();
        assert_eq!(
            list["meta"],
            json!({"total": 7, "limit": 3, "offset": seen.len()})
        );
        seen.extend(ids(&list["data"]));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let page = api.list("/mdm/enrollments?limit=2&offset=2");
    assert_eq!(page["data"][0]["id"], 5);
}
