//! Pasted serial numbers.

use devices_tests::{Api, device};
use serde_json::json;

use super::{browser, count, names, pairs, selection_form, stored};

#[test]
fn unknown_serial_numbers_are_listed() {
    let api = Api::start();
    let numbered =
        |n: i64| device(json!({"name": format!("D{n}"), "serial_number": format!("SN-{n}")}));
    let ids = api.create_devices((1..=30).map(numbered));
    api.call("DELETE", &format!("/devices/{}", ids[29]));
    let browser = browser(&api);
    let pasted = "sn-1\r\nSN-2\tSN-2; lost 1,SN-30\r\n<b>";
    let page = browser.post_and_follow("/ui/devices", &[("serial_numbers", pasted)]);
    assert_eq!(names(&page), ["D2", "D1"]);
    let unknown = page.by_id("unknown").unwrap().value();
    assert_eq!(unknown, "lost 1\nSN-30\n<b>");
    assert!(
        page.text().contains("3 serial numbers are unknown"),
        "{}",
        page.text()
    );
    assert_eq!(
        page.by_id("serial-numbers").unwrap().value(),
        "sn-1\nSN-2\nlost 1\nSN-30\n<b>"
    );
}

#[test]
fn thousand_serial_numbers_are_found_and_changed() {
    let api = Api::start();
    let number = |n: i64| format!("SERIAL-NUMBER-{n:04}");
    let rows = (1..=999).map(|n| device(json!({"name": "D", "serial_number": number(n)})));
    let ids = api.create_devices(rows);
    let browser = browser(&api);
    let pasted: Vec<_> = (1..=1_000).map(number).collect();
    let pasted = pasted.join("\n");
    // They do not fit into an address.
    let first = browser.post("/ui/devices", &[("serial_numbers", &pasted)]);
    assert_eq!(first.status, 200);
    let first = devices_tests::Page::read(&first.text);
    assert_eq!(first.by_id("unknown").unwrap().value(), number(1_000));
    assert_eq!(names(&first).len(), 50);

    let next = first.all("button").into_iter();
    let next = next.filter(|button| button.attribute("name") == "after");
    let next: Vec<_> = next.map(devices_tests::Element::value).collect();
    let form = selection_form(&first, &[("after", &next[0])]);
    let second = browser.post("/ui/devices", &pairs(&form));
    assert_eq!(second.status, 200);
    let second = devices_tests::Page::read(&second.text);
    assert_eq!(names(&second).len(), 50);
    assert_ne!(second.value("listed"), first.value("listed"));

    let changes = [("scope", "all"), ("action", "archive")];
    let form = selection_form(&second, &changes);
    let confirm = browser.post_and_follow("/ui/devices/bulk", &pairs(&form));
    assert!(
        confirm.text().contains("999 devices will be changed"),
        "{}",
        confirm.text()
    );
    let form = confirm.form("/ui/devices/bulk/run");
    let result = browser.post_and_follow("/ui/devices/bulk/run", &pairs(&form));
    assert!(result.text().contains("999 devices"), "{}", result.text());
    assert_eq!(count(&browser.page("/ui/devices")), "0 devices");
    assert_eq!(stored(&api, ids[500])["client_status"], "ARCHIVED");
}

#[test]
fn too_many_serial_numbers_are_rejected() {
    let api = Api::start();
    let pasted: String = (0..1_001).map(|n| format!("S{n};")).collect();
    let response = browser(&api).post("/ui/devices", &[("serial_numbers", &pasted)]);
    assert_eq!(response.status, 200);
    let page = devices_tests::Page::read(&response.text);
    let expected = "Serial numbers must be at most 1,000: paste them in parts";
    assert!(page.text().contains(expected), "{}", page.text());
    // Whoever has no script would have to paste them again.
    let kept = page.by_id("serial-numbers").unwrap();
    assert_eq!(kept.value(), pasted);
    assert_eq!(kept.attribute("aria-invalid"), "true");
}

#[test]
fn filter_of_a_long_list_is_removed_by_a_button() {
    let api = Api::start();
    let browser = browser(&api);
    let pasted: String = (0..1_000).map(|n| format!("S{n};")).collect();
    let form = [
        ("serial_numbers", pasted.as_str()),
        ("tag", "a"),
        ("tag", "b"),
    ];
    let page = browser.post("/ui/devices", &form);
    let page = devices_tests::Page::read(&page.text);
    let chips: Vec<_> = page
        .by_class("chip")
        .into_iter()
        .map(|chip| (chip.name.clone(), chip.attribute("value").to_owned()))
        .collect();
    let button = |value: &str| ("button".to_owned(), value.to_owned());
    assert_eq!(
        chips,
        [
            button("tag=a"),
            button("tag=b"),
            ("a".to_owned(), String::new())
        ]
    );
    let form = selection_form(&page, &[("without", "tag=a")]);
    let page = browser.post("/ui/devices", &pairs(&form));
    let page = devices_tests::Page::read(&page.text);
    assert_eq!(page.by_class("chip").len(), 2);
}
