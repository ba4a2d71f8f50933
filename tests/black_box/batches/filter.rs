//! The filter `batch_id` of lists and exports.

use devices_tests::{Api, ids};
use serde_json::{Value, json};

use super::{archive, create_batch, number, restore};
use crate::search::before_and_after_indexing;

/// Returns the ids of the listed devices, on all pages.
fn list(api: &Api, query: &str) -> Vec<i64> {
    let path = format!("/devices?{query}");
    api.pages(&path)
        .flat_map(|page| ids(&page.json()["data"]))
        .collect()
}

#[test]
fn devices_of_a_batch_are_listed() {
    let api = Api::start();
    let row = |name: &str| json!({ "name": name, "tags": [name] });
    let (first, devices) = create_batch(&api, ["Red", "Blue", "Red"].map(row));
    let (second, others) = create_batch(&api, ["Red"].map(row));
    let [first, second] = [first, second].map(|path| number(&path));
    let [one, two, three] = devices.try_into().unwrap();
    archive(&api, one);
    before_and_after_indexing(&api, || {
        for (query, expected) in [
            (format!("batch_id={first}"), vec![three, two]),
            (format!("batch_id={first}&limit=1"), vec![three, two]),
            (
                format!("batch_id={first}&client_status=ARCHIVED"),
                vec![one],
            ),
            (format!("batch_id={first}&search=red"), vec![three]),
            (format!("batch_id={first}&tag=Red"), vec![three]),
            (format!("batch_id={first}&type=laptop"), vec![three, two]),
            (format!("batch_id={second}"), others.clone()),
            (format!("batch_id={second}&search=blue"), vec![]),
            ("batch_id=999".to_owned(), vec![]),
            (format!("batch_id={}", i64::MAX), vec![]),
        ] {
            assert_eq!(list(&api, &query), expected, "{query}");
        }
    });
    restore(&api, one);
    assert_eq!(list(&api, &format!("batch_id={first}")), [three, two, one]);
}

#[test]
fn large_batch_is_listed_in_pages() {
    let api = Api::start();
    let (path, mut devices) = create_batch(&api, (0..620).map(|_| json!({})));
    create_batch(&api, (0..30).map(|_| json!({})));
    devices.reverse();
    let query = format!("batch_id={}", number(&path));
    assert_eq!(list(&api, &format!("{query}&limit=100")), devices);
    let page = api.get_json(&format!("/devices?{query}&offset=600"));
    assert_eq!(ids(&page["data"]), devices[600..]);
}

#[test]
fn export_is_filtered_by_batch() {
    let api = Api::start();
    let rows = |prefix: &str| -> Vec<Value> {
        let serial = |number| json!({"serial_number": format!("{prefix}-{number}")});
        (0..300).map(serial).collect()
    };
    let (path, _) = create_batch(&api, rows("one"));
    create_batch(&api, rows("two"));
    let exported = api.get_json(&format!("/devices/export?batch_id={}", number(&path)));
    let exported = exported["devices"].as_array().unwrap().iter();
    let serials: Vec<&str> = exported
        .map(|device| device["serial_number"].as_str().unwrap())
        .collect();
    assert_eq!(serials.len(), 300);
    assert!(serials.iter().all(|serial| serial.starts_with("one-")));
    let events = api.events();
    assert_eq!(events.last().unwrap()["fields"], json!(["batch_id"]));
}

#[test]
fn malformed_number_is_rejected() {
    let api = Api::start();
    for path in ["/devices", "/devices/export"] {
        for (value, reason) in [("0", "out_of_range"), ("", "malformed"), ("x", "malformed")] {
            let response = api.call("GET", &format!("{path}?batch_id={value}"));
            assert_eq!(response.status, 400, "{value}");
            let expected = (Value::Null, "batch_id".to_owned(), reason.to_owned());
            assert_eq!(response.reasons(), [expected], "{value}");
        }
    }
}
