//! Export of the listed devices.

use devices_tests::{Api, device};
use serde_json::json;

use super::{browser, create};

#[test]
fn listed_devices_are_exported() {
    let api = Api::start();
    api.create_device(device(
        json!({"name": "Zoë's", "brand": "Dell", "attributes": {"Room": "1"}}),
    ));
    create(&api, &["Other"]);
    let browser = browser(&api);
    let page = browser.page("/ui/devices?brand=dell");
    let csv = page.link("Export as CSV");
    assert_eq!(csv, "/ui/devices/export?brand=dell&format=csv");
    let response = browser.get(&csv);
    assert_eq!(response.status, 200);
    let disposition = response.header("content-disposition");
    let name = disposition
        .strip_prefix("attachment; filename=\"devices-")
        .unwrap();
    assert!(
        name.len() == "2026-01-31.csv\"".len() && name.ends_with(".csv\""),
        "{name}"
    );
    let mut lines = response.text.lines();
    let header = lines.next().unwrap();
    assert!(
        header.starts_with("\u{feff}name,") && header.contains("attributes.Room"),
        "{header}"
    );
    assert!(lines.next().unwrap().starts_with("Zoë's,"));
    assert_eq!(lines.next(), None);

    let response = browser.get(&page.link("Export as Excel"));
    let expected = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    assert_eq!(
        (response.status, response.header("content-type")),
        (200, expected)
    );
    let headers = [("Accept-Encoding", "gzip")];
    for (link, encoding) in [("Export as CSV", "gzip"), ("Export as Excel", "identity")] {
        let request = browser.request("GET", &page.link(link), &headers);
        let response = browser.send(request);
        assert_eq!(response.header("content-encoding"), encoding, "{link}");
    }
    let events = api.all_events();
    let exports = events.iter().filter(|event| event["action"] == "EXPORTED");
    assert_eq!(exports.count(), 4, "{events:?}");
}

#[test]
fn long_lists_of_serial_numbers_are_exported() {
    let api = Api::start();
    let number = |n: i64| format!("SERIAL-NUMBER-{n:04}");
    api.create_devices((1..=3).map(|n| device(json!({"serial_number": number(n)}))));
    let pasted: Vec<_> = (2..=1_000).map(number).collect();
    let form = [("serial_numbers", pasted.join("\n"))];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let form = [form[0], ("format", "csv")];
    let response = browser(&api).post("/ui/devices/export", &form);
    assert_eq!(response.status, 200);
    assert_eq!(response.text.lines().count(), 3, "{}", response.text);
}

#[test]
fn invalid_exports_are_rejected() {
    let api = Api::start();
    let browser = browser(&api);
    for (query, status) in [
        ("", 400),
        ("format=json", 400),
        ("format=csv&user_id=x", 422),
    ] {
        let response = browser.get(&format!("/ui/devices/export?{query}"));
        assert_eq!(response.status, status, "{query}");
    }
    let events = api.all_events();
    assert!(
        events.iter().all(|event| event["action"] != "EXPORTED"),
        "{events:?}"
    );
}
