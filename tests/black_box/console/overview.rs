//! Overview: counts, and the lists that they lead to.

use devices_tests::{Browser, Page};
use serde_json::json;

use super::html::{HOSTILE, assert_escaped};
use super::open;

#[test]
fn empty_workspace_offers_what_to_do_next() {
    let (api, browser) = open();
    let page = browser.page("/ui/");
    assert_eq!(page.link("Import a spreadsheet"), "/ui/import");
    let reader = Browser::signed_in(&api.server, &api.create_key("acme", "READ"));
    let page = reader.page("/ui/");
    assert!(page.text().contains("No devices yet"), "{}", page.text());
    assert!(
        !page.links().contains_key("/ui/import"),
        "{:?}",
        page.links()
    );
}

#[test]
fn numbers_lead_to_the_lists_that_they_count() {
    let (api, browser) = open();
    let soon = &api.database.texts("SELECT current_date + 30")[0];
    for (index, fields) in [
        json!({"type": "laptop", "brand": "Dell", "client_warranty_endDate": soon}),
        json!({"type": "Laptop", "brand": HOSTILE}),
        json!({"type": HOSTILE, "lifecycle": "IN_MAINTENANCE"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut device = fields;
        device["name"] = json!(format!("Device {index}"));
        api.create_device(device);
    }
    let archived = api.create_device(json!({"name": "Archived"}));
    let archived = format!("/devices/{archived}");
    assert_eq!(api.call("DELETE", &archived).status, 200);
    let page = browser.page("/ui/");
    assert_escaped(&page);
    let counts = counts(&page);
    assert!(counts.len() >= 9, "{counts:?}");
    for (path, count) in counts {
        let list = browser.page(&path);
        assert_escaped(&list);
        assert_eq!(list.rows().len().to_string(), count, "{path}");
    }
    let tile = |path: &str| page.links().get(path).cloned();
    assert_eq!(tile("/ui/devices").as_deref(), Some("3 active devices"));
    let texts = page.text();
    for text in [
        "1 warranty ends within 90 days",
        "0 rentals end within 90 days",
        "1 archived device",
    ] {
        assert!(texts.contains(text), "{text}: {texts}");
    }
    assert!(!texts.contains("1 archived devices"), "{texts}");
}

/// Returns the lists that tiles and bars lead to, with their numbers.
fn counts(page: &Page) -> Vec<(String, String)> {
    let parts = page.by_class("tile").into_iter().chain(page.all("tr"));
    let counts = parts.filter_map(|part| {
        let path = part.all("a").first()?.attribute("href").to_owned();
        let count = part.all("data").first()?.attribute("value").to_owned();
        path.starts_with("/ui/devices").then_some((path, count))
    });
    counts.collect()
}
