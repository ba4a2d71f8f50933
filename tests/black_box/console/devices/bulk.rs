//! Changes of many devices.

use devices_tests::{Api, Browser, Page, device};
use serde_json::{Value, json};

use super::{browser, create, names, pairs, selection_form, stored};

/// Selects devices in the list, and opens the page that asks for a value or for a confirmation.
fn begin(browser: &Browser, ids: &[i64], action: &str, list: &str) -> Page {
    let page = browser.page(list);
    let ids: Vec<_> = ids.iter().map(i64::to_string).collect();
    let mut changes: Vec<_> = ids.iter().map(|id| ("device", id.as_str())).collect();
    changes.push(("action", action));
    let form = selection_form(&page, &changes);
    browser.post_and_follow("/ui/devices/bulk", &pairs(&form))
}

/// Enters a value, and opens the confirmation.
fn enter(browser: &Browser, page: &Page, name: &str, value: &str) -> Page {
    let mut form = page.form("/ui/devices/bulk");
    form.retain(|(given, _)| given != name);
    form.push((name.to_owned(), value.to_owned()));
    let query = devices_tests::form_urlencoded(&pairs(&form));
    browser.page(&format!("/ui/devices/bulk?{query}"))
}

fn run(browser: &Browser, page: &Page) -> Page {
    let form = page.form("/ui/devices/bulk/run");
    browser.post_and_follow("/ui/devices/bulk/run", &pairs(&form))
}

fn field(api: &Api, ids: &[i64], name: &str) -> Vec<Value> {
    let values = ids.iter();
    values.map(|id| stored(api, *id)[name].clone()).collect()
}

#[test]
fn devices_are_assigned_to_a_user_found_by_name() {
    let api = Api::start();
    let ids = create(&api, &["One", "Two", "Three"]);
    let ada = json!({"email": "ada@acme.test", "first_name": "Ada", "last_name": "Lovelace"});
    let user = api.send("POST", "/users", &ada).json()["data"]["id"]
        .as_i64()
        .unwrap();
    let browser = browser(&api);
    let page = begin(&browser, &ids[..2], "assign", "/ui/devices");
    assert!(
        page.text().contains("2 devices are selected"),
        "{}",
        page.text()
    );
    let page = enter(&browser, &page, "search", "lovelace");
    let buttons = page.all("button").into_iter();
    let choice: Vec<_> = buttons
        .filter(|button| button.attribute("name") == "user_id")
        .collect();
    assert_eq!(choice[0].text(), "Ada Lovelace ada@acme.test");
    let page = enter(&browser, &page, "user_id", &choice[0].value());
    assert_eq!(page.heading(), "Assign to Ada Lovelace");
    assert!(
        page.text().contains("2 devices will be changed"),
        "{}",
        page.text()
    );
    let page = run(&browser, &page);
    assert_eq!(page.heading(), "Assign to Ada Lovelace");
    assert_eq!(
        field(&api, &ids, "user_id"),
        [json!(user), json!(user), Value::Null]
    );
    // One batch in the audit trail, as a change by the console.
    let page = begin(&browser, &ids, "unassign", "/ui/devices");
    assert!(
        page.text().contains("1 device needs no change"),
        "{}",
        page.text()
    );
    run(&browser, &page);
    assert_eq!(
        field(&api, &ids, "user_id"),
        [Value::Null, Value::Null, Value::Null]
    );
}

#[test]
fn lifecycle_and_tags_are_changed() {
    let api = Api::start();
    let ids = api.create_devices([
        device(json!({"name": "One", "tags": ["a"]})),
        device(json!({"name": "Two"})),
    ]);
    let browser = browser(&api);
    for (action, name, value) in [
        ("set_lifecycle", "lifecycle", "OUT_OF_SERVICE"),
        ("add_tag", "tag", "b <b>"),
        ("remove_tag", "tag", "a"),
    ] {
        let page = begin(&browser, &ids, action, "/ui/devices");
        let page = enter(&browser, &page, name, value);
        run(&browser, &page);
    }
    assert_eq!(field(&api, &ids, "lifecycle"), ["OUT_OF_SERVICE"; 2]);
    let tags = field(&api, &ids, "tags");
    assert_eq!(tags[0], tags[1]);
    assert_eq!(tags[0].as_array().unwrap().len(), 1);
    let page = begin(&browser, &ids, "clear_lifecycle", "/ui/devices");
    run(&browser, &page);
    assert_eq!(field(&api, &ids, "lifecycle"), [Value::Null, Value::Null]);
}

#[test]
fn archive_is_undone() {
    let api = Api::start();
    let ids = create(&api, &["One", "Two", "Three"]);
    let browser = browser(&api);
    let confirm = begin(&browser, &ids[1..], "archive", "/ui/devices?type=laptop");
    assert_eq!(confirm.link("Cancel"), "/ui/devices?type=laptop");
    // Sent twice, as by a double click: both lead to the same result.
    let form = confirm.form("/ui/devices/bulk/run");
    let first = browser.post("/ui/devices/bulk/run", &pairs(&form));
    let second = browser.post("/ui/devices/bulk/run", &pairs(&form));
    assert_eq!(first.header("location"), second.header("location"));
    let result = browser.page(first.header("location"));
    assert!(
        result.text().contains("2 devices are as requested now"),
        "{}",
        result.text()
    );
    assert_eq!(result.link("Back to the list"), "/ui/devices?type=laptop");
    assert_eq!(names(&browser.page("/ui/devices")), ["One"]);
    let archived = browser.page("/ui/devices?client_status=ARCHIVED");
    assert_eq!(names(&archived), ["Three", "Two"]);

    let undo = browser.page(&result.link("Undo: Restore"));
    assert_eq!(names(&browser.page("/ui/devices")), ["One"]);
    let undone = run(&browser, &undo);
    assert_eq!(undone.heading(), "Restore");
    assert_eq!(names(&browser.page("/ui/devices")).len(), 3);
    // The changes are in the audit trail once.
    let events = api.all_events();
    let deleted = events.iter().filter(|event| event["action"] == "DELETED");
    assert_eq!(deleted.count(), 1, "{events:?}");
}

#[test]
fn result_states_what_devices_have_now() {
    let api = Api::start();
    let ids = create(&api, &["One", "Two"]);
    let browser = browser(&api);
    let confirm = begin(&browser, &ids, "archive", "/ui/devices");
    let form = confirm.form("/ui/devices/bulk/run");
    let query = devices_tests::form_urlencoded(&pairs(&form));
    let before = browser.page(&format!("/ui/devices/bulk/result?{query}"));
    let text = before.text();
    assert!(text.contains("0 devices are as requested now"), "{text}");
    assert!(text.contains("2 devices are not as requested"), "{text}");
    assert_eq!(before.all("form").len(), 1, "only the sign-out");
    assert_eq!(names(&browser.page("/ui/devices")).len(), 2);
}

#[test]
fn archived_devices_are_restored_from_their_list() {
    let api = Api::start();
    let ids = create(&api, &["One"]);
    api.call("DELETE", &format!("/devices/{}", ids[0]));
    let browser = browser(&api);
    let list = "/ui/devices?client_status=ARCHIVED";
    let actions = browser
        .page(list)
        .by_id("action")
        .unwrap()
        .all("option")
        .len();
    assert_eq!(actions, 1);
    let page = begin(&browser, &ids, "restore", list);
    run(&browser, &page);
    assert_eq!(stored(&api, ids[0])["client_status"], "AVAILABLE");
}

#[test]
fn all_on_a_page_or_all_that_match_are_changed() {
    let api = Api::start();
    let rows = (0..70).map(|n| device(json!({"name": format!("D{n}"), "tags": ["x"]})));
    let ids = api.create_devices(rows);
    create(&api, &["Other"]);
    let browser = browser(&api);
    let list = browser.page("/ui/devices?tag=x");
    for (scope, expected) in [
        ("page", "50 devices will be changed"),
        ("all", "70 devices will"),
    ] {
        let form = selection_form(&list, &[("scope", scope), ("action", "archive")]);
        let page = browser.post_and_follow("/ui/devices/bulk", &pairs(&form));
        assert!(page.text().contains(expected), "{}", page.text());
        if scope == "all" {
            run(&browser, &page);
        }
    }
    assert_eq!(names(&browser.page("/ui/devices")), ["Other"]);
    assert_eq!(stored(&api, ids[0])["client_status"], "ARCHIVED");
}
