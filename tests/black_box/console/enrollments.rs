//! Enrolments in the console.

use devices_tests::{Api, Browser, percent_encode};
use serde_json::json;

use super::html::{HOSTILE, assert_escaped};

#[test]
fn enrollments_are_listed_with_and_without_devices() {
    let api = Api::start();
    let reader = Browser::signed_in(&api.server, &api.create_key("acme", "READ"));
    let empty = reader.page("/ui/enrollments");
    assert!(
        empty.text().contains("No enrolments yet"),
        "{}",
        empty.text()
    );
    for serial_number in ["C02XL0GSJGH5", "A/B 7"] {
        let path = format!("/mdm/enrollments/{}", percent_encode(serial_number));
        let fields = json!({"status": "ENROLLED", "local_name": HOSTILE, "is_encrypted": true});
        let put = api.send("PUT", &path, &fields);
        assert_eq!(put.status, 201, "{}", put.text);
    }
    let device = json!({"name": HOSTILE, "type": "Laptop", "serial_number": "C02XL0GSJGH5"});
    let device = api.create_device(device);
    for (query, expected) in [
        ("", 2),
        ("?linked=true", 1),
        ("?linked=false", 1),
        ("?serial_number=a%2Fb+7", 1),
        ("?updated_since=2020-01-01", 2),
        ("?updated_since=2020-01-01T00%3A00%3A00Z", 2),
        ("?updated_since=2999-01-01", 0),
        ("?updated_since=soon", 0),
    ] {
        let page = reader.page(&format!("/ui/enrollments{query}"));
        assert_escaped(&page);
        assert_eq!(page.rows().len(), expected, "{query}: {:?}", page.rows());
    }
    // The value of a link remains in the control, and in the next search.
    let instant = "2020-01-01T00:00:00Z";
    let filtered = reader.page(&format!("/ui/enrollments?updated_since={instant}"));
    let control = filtered.by_id("updated_since").unwrap();
    assert_eq!(
        (control.value().as_str(), control.attribute("type")),
        (instant, "text")
    );
    let linked = reader.page("/ui/enrollments/C02XL0GSJGH5");
    assert_escaped(&linked);
    assert_eq!(linked.link(HOSTILE), format!("/ui/devices/{device}"));
    let list = reader.page("/ui/enrollments?linked=false");
    let unlinked = list.link("A/B 7");
    let page = reader.page(&unlinked);
    assert!(
        page.text().contains("No device has this serial number"),
        "{}",
        page.text()
    );
    let create = "/ui/devices/new?serial_number=A%2FB%207";
    assert!(!page.links().contains_key(create), "{:?}", page.links());
    let writer = Browser::signed_in(&api.server, &api.key);
    assert_eq!(writer.page(&unlinked).link("Create the device"), create);
    assert_eq!(writer.page(create).value("serial_number"), "A/B 7");
    api.create_workspace("globex");
    let foreign = Browser::signed_in(&api.server, &api.create_key("globex", "READ"));
    for path in [
        unlinked.as_str(),
        "/ui/enrollments/C02XL0GSJGH5",
        "/ui/enrollments/x",
    ] {
        assert_eq!(foreign.get(path).status, 404, "{path}");
    }
}
