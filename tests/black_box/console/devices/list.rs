//! The list: its rows, pages, empty states and keys.

use devices_tests::{Api, Browser, device};
use serde_json::json;

use super::{browser, count, create, names, pairs, selection_form};

#[test]
fn list_shows_devices_with_their_links() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@acme.test");
    let id = api.create_device(device(json!({
        "name": "Ada's laptop", "type": "laptop", "brand": "Dell", "model": "XPS 13",
        "serial_number": "SN-1", "user_id": user,
    })));
    let page = browser(&api).page("/ui/devices");
    assert_eq!(page.heading(), "Devices");
    assert_eq!(count(&page), "1 device");
    let expected = [
        "",
        "Ada's laptop",
        "laptop",
        "Dell",
        "XPS 13",
        "SN-1",
        "ada@acme.test",
        "In service",
    ];
    assert_eq!(page.rows(), [expected]);
    assert_eq!(page.link("Ada's laptop"), format!("/ui/devices/{id}"));
    assert_eq!(page.link("ada@acme.test"), format!("/ui/users/{user}"));
}

#[test]
fn pages_follow_each_other() {
    let api = Api::start();
    let all: Vec<_> = (0..120).map(|n| format!("Device {n:03}")).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    create(&api, &all);
    let browser = browser(&api);
    let mut page = browser.page("/ui/devices?type=laptop");
    let mut listed = names(&page);
    assert_eq!(listed.len(), 50);
    for expected in [50, 20] {
        page = browser.page(&page.link("Next page"));
        assert_eq!(
            (names(&page).len(), count(&page).as_str()),
            (expected, "120 devices")
        );
        assert_eq!(page.link("First page"), "/ui/devices?type=laptop");
        listed.extend(names(&page));
    }
    listed.reverse();
    assert_eq!(listed, all);
    assert!(!page.text().contains("Next page"));
}

#[test]
fn empty_list_states_what_to_do() {
    let api = Api::start();
    let browser = browser(&api);
    let page = browser.page("/ui/devices");
    assert!(page.text().contains("No devices yet"), "{}", page.text());
    assert_eq!(page.link("New device"), "/ui/devices/new");
    let page = browser.page("/ui/devices?brand=Dell");
    assert!(page.text().contains("No device matches"), "{}", page.text());
    assert_eq!(page.link("Clear all filters"), "/ui/devices");
}

#[test]
fn read_key_sees_no_changes() {
    let api = Api::start();
    let ids = create(&api, &["One"]);
    let key = api.create_key("acme", "READ");
    let browser = Browser::signed_in(&api.server, &key);
    let page = browser.page("/ui/devices");
    assert_eq!(page.rows()[0][0], "One");
    let boxes = page.by_id("selection").unwrap().all("input");
    assert!(
        boxes
            .iter()
            .all(|input| input.attribute("name") != "device")
    );
    for text in ["Take back", "New device", "Continue"] {
        assert!(!page.text().contains(text), "{text}");
    }
    // A filter is a form, but changes nothing.
    let found = browser.post_and_follow("/ui/devices", &[("search", "One")]);
    assert_eq!(names(&found), ["One"]);
    let id = ids[0].to_string();
    let form = [("action", "archive"), ("device", id.as_str())];
    for path in ["/ui/devices/bulk", "/ui/devices/bulk/run"] {
        assert_eq!(browser.post(path, &form).status, 403, "{path}");
    }
}

#[test]
fn workspaces_are_separate() {
    let api = Api::start();
    create(&api, &["Ours"]);
    api.create_workspace("other");
    let key = api.create_key("other", "WRITE");
    let other = Browser::signed_in(&api.server, &key);
    assert_eq!(count(&other.page("/ui/devices")), "0 devices");
}

#[test]
fn forms_lead_back_to_the_page_of_the_list() {
    let api = Api::start();
    api.create_devices((0..60).map(|_| device(json!({"name": "D"}))));
    for scope in ["READ", "WRITE"] {
        let key = api.create_key("acme", scope);
        let browser = devices_tests::Browser::signed_in(&api.server, &key);
        let next = browser.page("/ui/devices").link("Next page");
        let second = browser.page(&next);
        let form = selection_form(&second, &[("column", "color")]);
        let response = browser.post("/ui/devices/columns", &pairs(&form));
        assert_eq!(response.header("location"), next, "{scope}");
        if scope == "WRITE" {
            let form = selection_form(&second, &[("scope", "selected"), ("action", "archive")]);
            let response = browser.post("/ui/devices/bulk", &pairs(&form));
            let page = devices_tests::Page::read(&response.text);
            assert_eq!((response.status, names(&page).len()), (422, 10));
        }
    }
}
