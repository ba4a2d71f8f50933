//! Columns that a browser chooses.

use devices_tests::{Api, device};
use serde_json::json;

use super::{browser, names};

/// Returns the headers of the table.
fn headers(page: &devices_tests::Page) -> Vec<String> {
    let heads = page.all("thead").into_iter();
    let headers = heads.flat_map(|head| head.all("th"));
    headers.map(devices_tests::Element::text).collect()
}

#[test]
fn chosen_columns_are_kept() {
    let api = Api::start();
    api.create_device(device(
        json!({"name": "One", "color": "red", "has_webcam": true}),
    ));
    let browser = browser(&api);
    let session = browser.cookie().unwrap();
    let form = [
        ("type", "laptop"),
        ("column", "color"),
        ("column", "has_webcam"),
        ("column", "created_at"),
        ("column", "<script>"),
    ];
    let response = browser.post("/ui/devices/columns", &form);
    assert_eq!(response.status, 303, "{response:?}");
    assert_eq!(response.header("location"), "/ui/devices?type=laptop");
    let cookie = response.header("set-cookie").to_owned();
    assert!(
        cookie.contains("Path=/ui") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let chosen = cookie.split(';').next().unwrap();
    browser.set_cookie(Some(format!("{session}; {chosen}")));
    let page = browser.page("/ui/devices");
    assert_eq!(headers(&page), ["Name", "Webcam", "Color", "Created"]);
    assert_eq!(page.rows()[0][1..4], ["One", "Yes", "red"]);
    // An invalid choice is ignored.
    browser.set_cookie(Some(format!(
        "{session}; fleet_devices_columns=x.\"><script>"
    )));
    let page = browser.page("/ui/devices");
    assert_eq!(headers(&page), ["Name"]);
    assert_eq!(names(&page), ["One"]);
}
