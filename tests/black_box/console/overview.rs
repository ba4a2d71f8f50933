//! Overview: counts, and the lists that they lead to.

use devices_tests::Browser;
use serde_json::json;

use super::open;
use super::users::assert_escaped;

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";

#[test]
fn empty_workspace_offers_what_to_do_next() {
    let (api, browser) = open();
    let page = browser.page("/ui/");
    assert_eq!(page.link("Import a file"), "/ui/import");
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
    let page = browser.page("/ui/");
    assert_escaped(&page);
    let lists: Vec<_> = page
        .links()
        .into_keys()
        .filter(|path| path.starts_with("/ui/devices?"))
        .collect();
    assert!(lists.len() >= 8, "{lists:?}");
    for path in lists {
        let list = browser.page(&path);
        assert_escaped(&list);
        let expected = page.rows().into_iter().find_map(|row| {
            let label = row.first()?;
            (page.link(label) == path).then(|| row[1].clone())
        });
        if let Some(expected) = expected {
            assert_eq!(list.rows().len().to_string(), expected, "{path}");
        }
    }
    let text = page.text();
    assert!(text.contains("3 active devices"), "{text}");
    assert!(text.contains("1 warranties end within 90 days"), "{text}");
}
