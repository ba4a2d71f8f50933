//! Changes of many devices that are rejected, wholly or in part.

use devices_tests::{Api, Page, device};
use serde_json::json;

use super::{browser, create, pairs, selection_form, stored};

#[test]
fn devices_that_cannot_be_changed_are_left_out() {
    let api = Api::start();
    let taken = device(json!({"name": "Old", "serial_number": "SN-1"}));
    let old = api.create_device(taken);
    let free = api.create_device(device(json!({"name": "Free"})));
    for id in [old, free] {
        api.call("DELETE", &format!("/devices/{id}"));
    }
    api.create_device(device(json!({"name": "New", "serial_number": "SN-1"})));
    let browser = browser(&api);
    let list = browser.page("/ui/devices?client_status=ARCHIVED");
    let form = selection_form(&list, &[("scope", "page"), ("action", "restore")]);
    let page = browser.post_and_follow("/ui/devices/bulk", &pairs(&form));
    let text = page.text();
    assert!(text.contains("1 device will be changed"), "{text}");
    assert!(text.contains("1 device cannot be changed"), "{text}");
    assert_eq!(
        page.link(&format!("Device {old}")),
        format!("/ui/devices/{old}")
    );
    let form = page.form("/ui/devices/bulk/run");
    browser.post_and_follow("/ui/devices/bulk/run", &pairs(&form));
    assert_eq!(stored(&api, old)["client_status"], "ARCHIVED");
    assert_eq!(stored(&api, free)["client_status"], "AVAILABLE");
}

#[test]
fn change_in_the_meantime_leads_back_to_the_confirmation() {
    let api = Api::start();
    let ids = create(&api, &["One", "Two"]);
    let browser = browser(&api);
    let list = browser.page("/ui/devices");
    let form = selection_form(&list, &[("scope", "page"), ("action", "clear_lifecycle")]);
    let page = browser.post_and_follow("/ui/devices/bulk", &pairs(&form));
    assert!(
        page.text().contains("There is nothing to change"),
        "{}",
        page.text()
    );

    let form = selection_form(&list, &[("scope", "page"), ("action", "unassign")]);
    let location = browser.post("/ui/devices/bulk", &pairs(&form));
    let devices = location
        .header("location")
        .split("devices=")
        .nth(1)
        .unwrap();
    let devices = devices.split('&').next().unwrap();
    api.call("DELETE", &format!("/devices/{}", ids[0]));
    let form = [("action", "add_tag"), ("tag", "x"), ("devices", devices)];
    let page = browser.post_and_follow("/ui/devices/bulk/run", &form);
    let text = page.text();
    assert!(text.contains("Nothing was changed"), "{text}");
    assert!(text.contains("It is archived"), "{text}");
    assert_eq!(stored(&api, ids[1])["tags"], json!([]));
}

#[test]
fn change_of_a_confirmed_device_is_shown_before_it_is_overwritten() {
    let api = Api::start();
    let id = create(&api, &["One"])[0];
    let browser = browser(&api);
    let list = browser.page("/ui/devices");
    let form = selection_form(&list, &[("scope", "page"), ("action", "archive")]);
    let page = browser.post_and_follow("/ui/devices/bulk", &pairs(&form));
    let confirmed = page.form("/ui/devices/bulk/run");
    api.send(
        "PATCH",
        &format!("/devices/{id}"),
        &json!({"comment": "on loan"}),
    );
    let page = browser.post_and_follow("/ui/devices/bulk/run", &pairs(&confirmed));
    let text = page.text();
    assert!(text.contains("Nothing was changed"), "{text}");
    assert!(text.contains("1 device will be changed"), "{text}");
    assert_eq!(stored(&api, id)["client_status"], "AVAILABLE");
    let confirmed = page.form("/ui/devices/bulk/run");
    for _ in 0..2 {
        let page = browser.post_and_follow("/ui/devices/bulk/run", &pairs(&confirmed));
        assert!(
            page.text().contains("1 device is as requested now"),
            "{}",
            page.text()
        );
    }
}

#[test]
fn empty_selection_is_reported_in_the_list() {
    let api = Api::start();
    create(&api, &["One"]);
    let browser = browser(&api);
    let form = [("action", "archive"), ("type", "laptop")];
    let response = browser.post("/ui/devices/bulk", &form);
    assert_eq!(response.status, 422);
    let page = Page::read(&response.text);
    assert!(
        page.text().contains("Select at least one device"),
        "{}",
        page.text()
    );
    assert_eq!(page.rows().len(), 1);
}

#[test]
fn more_than_thousand_devices_are_not_changed_at_once() {
    let api = Api::start();
    for count in [1_000, 1] {
        api.create_devices((0..count).map(|_| device(json!({"name": "D"}))));
    }
    let browser = browser(&api);
    let form = [("action", "archive"), ("scope", "all")];
    let response = browser.post("/ui/devices/bulk", &form);
    assert_eq!(response.status, 422);
    assert!(
        response.text.contains("Select at most 1,000"),
        "{}",
        response.text
    );
}

#[test]
fn malformed_changes_are_rejected() {
    let api = Api::start();
    let ids = create(&api, &["One"]);
    let browser = browser(&api);
    let id = ids[0].to_string();
    for form in [
        vec![("device", id.as_str())],
        vec![("device", &id), ("action", "delete")],
    ] {
        assert_eq!(
            browser.post("/ui/devices/bulk", &form).status,
            400,
            "{form:?}"
        );
    }
    for query in [
        "",
        "action=archive",
        "action=archive&devices=%00",
        "action=x&devices=B",
    ] {
        let path = format!("/ui/devices/bulk?{query}");
        assert_eq!(browser.get(&path).status, 400, "{query}");
    }
    let form = [("action", "assign"), ("devices", "B")];
    assert_eq!(browser.post("/ui/devices/bulk/run", &form).status, 400);
    // A device of another workspace is one that does not exist.
    api.create_workspace("other");
    let key = api.create_key("other", "WRITE");
    let other = devices_tests::Browser::signed_in(&api.server, &key);
    let form = [("action", "archive"), ("device", id.as_str())];
    let page = other.post_and_follow("/ui/devices/bulk", &form);
    assert!(
        page.text().contains("It does not exist any more"),
        "{}",
        page.text()
    );
}

#[test]
fn user_who_was_deleted_meanwhile_is_chosen_again() {
    let api = Api::start();
    create(&api, &["One"]);
    let user = api.add_user("acme", "ada@acme.test");
    let browser = browser(&api);
    let list = browser.page("/ui/devices");
    let form = selection_form(&list, &[("scope", "page"), ("action", "assign")]);
    let page = browser.post_and_follow("/ui/devices/bulk", &pairs(&form));
    let mut form = page.form("/ui/devices/bulk");
    form.push(("user_id".to_owned(), user.to_string()));
    let query = devices_tests::form_urlencoded(&pairs(&form));
    api.call("DELETE", &format!("/users/{user}"));
    let page = browser.page(&format!("/ui/devices/bulk?{query}"));
    let text = page.text();
    assert!(text.contains("This user was deleted meanwhile"), "{text}");
    assert_eq!(page.by_id("value").unwrap().attribute("name"), "search");
}
