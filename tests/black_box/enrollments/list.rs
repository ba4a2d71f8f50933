//! `GET /mdm/enrollments`.

use devices_tests::{Api, ids};
use serde_json::{Value, json};

use super::{enrollment_path, list_links, put};

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

/// Returns the serial numbers of the listed enrolments.
fn serial_numbers(api: &Api, query: &str) -> Vec<String> {
    let links = list_links(api, query);
    links
        .into_iter()
        .map(|(serial_number, _)| serial_number)
        .collect()
}

#[test]
fn filters_of_enrollments_combine() {
    let api = Api::start();
    for serial_number in ["SN-1", "SN-2", "SN-3"] {
        put(&api, serial_number, "ENROLLED");
    }
    api.create_device(json!({"serial_number": "SN-2"}));
    api.database.execute(
        "UPDATE devices_mdm SET updated_at = '2026-01-01T08:00:00Z';
         UPDATE devices_mdm SET updated_at = '2026-01-02T08:00:00.5Z' WHERE serial_number = 'SN-2'",
    );
    for (query, expected) in [
        ("?serial_number=sn-1", vec!["SN-1"]),
        ("?serial_number=%EF%BC%B3N-1", vec!["SN-1"]),
        ("?serial_number=SN-4", vec![]),
        ("?serial_number=sn-1&linked=false", vec!["SN-1"]),
        ("?serial_number=sn-1&linked=true", vec![]),
        ("?updated_since=2026-01-01", vec!["SN-3", "SN-2", "SN-1"]),
        (
            "?updated_since=2026-01-01T08:00:00Z",
            vec!["SN-3", "SN-2", "SN-1"],
        ),
        ("?updated_since=2026-01-01T08:00:00.000001Z", vec!["SN-2"]),
        ("?updated_since=2026-01-02T09:00:00.5%2B01:00", vec!["SN-2"]),
        ("?updated_since=2026-01-02T09:00:00.5+01:00", vec!["SN-2"]),
        ("?updated_since=2026-01-02T08:00:00.500001Z", vec![]),
        (
            "?updated_since=2026-01-02&linked=true&serial_number=SN-2",
            vec!["SN-2"],
        ),
        ("?updated_since=2026-01-02&linked=false", vec![]),
    ] {
        assert_eq!(serial_numbers(&api, query), expected, "{query}");
    }
    for impossible in [
        "None",
        "0000",
        "8.96529E%2B19",
        "A%00B",
        "A%0AB",
        "S%C3%A9rie",
        "%23%2F",
    ] {
        let query = format!("?serial_number={impossible}");
        assert_eq!(
            serial_numbers(&api, &query),
            Vec::<String>::new(),
            "{query}"
        );
    }
    let invalid = api.call(
        "GET",
        "/mdm/enrollments?serial_number=%20&updated_since=x&linked=1",
    );
    invalid.assert_parameters_rejected(&["serial_number", "updated_since", "linked"], "three");
}

#[test]
fn changed_enrollments_are_listed_since() {
    let api = Api::start();
    put(&api, "SN-1", "ENROLLED");
    put(&api, "SN-2", "ENROLLED");
    api.database
        .execute("UPDATE devices_mdm SET updated_at = '2026-01-01T00:00:00Z'");
    let since = "?updated_since=2026-01-02";
    // Neither an unchanged report nor a device is a change of the enrolment.
    put(&api, "SN-1", "ENROLLED");
    let device = api.create_device(json!({"serial_number": "SN-1"}));
    assert_eq!(serial_numbers(&api, since), Vec::<String>::new());
    let updated_at =
        |api: &Api| api.get_json(&format!("/devices/{device}"))["data"]["updated_at"].clone();
    let before = updated_at(&api);
    put(&api, "SN-1", "UNENROLLED");
    assert_eq!(serial_numbers(&api, since), ["SN-1"]);
    // An enrolment is no change of its device.
    assert_eq!(updated_at(&api), before);
    put(&api, "sn-2", "ENROLLED");
    assert_eq!(serial_numbers(&api, since), ["sn-2", "SN-1"]);
    api.call("DELETE", &enrollment_path("SN-1"));
    assert_eq!(serial_numbers(&api, since), ["sn-2"]);
    put(&api, "SN-3", "DRAFT");
    assert_eq!(serial_numbers(&api, since), ["SN-3", "sn-2"]);
}

#[test]
fn links_of_enrollments_keep_filters() {
    let api = Api::start();
    for number in 0..5 {
        put(&api, &format!("SN-{number}"), "ENROLLED");
    }
    let query = "/mdm/enrollments?updated_since=2020-01-01T00:00:00%2B01:00&linked=false&limit=2";
    let mut seen = Vec::new();
    for response in api.pages(query) {
        for (relation, target) in response.links() {
            assert!(target.contains("linked=false"), "{relation}: {target}");
            let since = "updated_since=2020-01-01T00%3A00%3A00%2B01%3A00";
            assert!(target.contains(since), "{relation}: {target}");
        }
        seen.extend(ids(&response.json()["data"]));
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let cursor = api.page(query).next_cursor();
    for other in [
        "linked=false",
        "updated_since=2020-01-01",
        "serial_number=SN-1",
    ] {
        let path = format!("/mdm/enrollments?limit=2&{other}&cursor={cursor}");
        let response = api.call("GET", &path);
        response.assert_parameters_rejected(&["cursor"], &path);
    }
    let page = api.get_json(&format!("{query}&offset=4"));
    assert_eq!(ids(&page["data"]), [1]);
}
