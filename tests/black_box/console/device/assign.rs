//! Assignments of a device to a user.

use devices_tests::Page;
use serde_json::{Value, json};

use super::{path, stored};
use crate::console::form::FilledForm;
use crate::console::{change, open};

#[test]
fn device_is_assigned_and_taken_back() {
    let (api, browser) = open();
    let ada = api.add_user("acme", "ada@acme.test").to_string();
    let bob = api.add_user("acme", "bob@acme.test").to_string();
    let id = api.create_device(json!({}));
    let assign = format!("{}/assign", path(id));
    let found = browser.page(&format!("{assign}?search=ada"));
    assert!(!found.text().contains("bob@acme.test"), "{}", found.text());
    let revision = found.value("revision");
    let form = [("revision", revision.as_str()), ("user_id", &ada)];
    // Somebody else changes another field meanwhile: that is no conflict.
    change(&api, id, &json!({"color": "red"}));
    for _ in 0..2 {
        let page = browser.post_and_follow(&assign, &form);
        assert!(page.text().contains("was assigned"), "{}", page.text());
    }
    assert_eq!(stored(&api, id)["user"]["email"], "ada@acme.test");

    let conflict = browser.post(&assign, &[("revision", &revision), ("user_id", &bob)]);
    assert_eq!(conflict.status, 409);
    assert!(conflict.text.contains("Somebody else assigned"));
    let page = Page::read(&conflict.text);
    let form = FilledForm::of(&page, &assign);
    let back = form.send(&browser);
    assert_eq!(
        back.header("location"),
        format!("{}?notice=unassigned", path(id))
    );
    assert_eq!(stored(&api, id)["user"], Value::Null);

    let revision = browser.page(&assign).value("revision");
    assert_eq!(api.call("DELETE", &format!("/users/{bob}")).status, 200);
    let unknown = browser.post(&assign, &[("revision", &revision), ("user_id", &bob)]);
    assert_eq!(unknown.status, 409);
    assert!(
        unknown.text.contains("deleted meanwhile"),
        "{}",
        unknown.text
    );
    assert_eq!(browser.post(&assign, &[("user_id", &ada)]).status, 400);
    for id in ["-1", "0", "x"] {
        let form = [("revision", revision.as_str()), ("user_id", id)];
        assert_eq!(browser.post(&assign, &form).status, 400, "{id}");
    }
    let without_user = [("revision", revision.as_str()), ("user_id", "")];
    assert_eq!(browser.post(&assign, &without_user).status, 400);
}

#[test]
fn live_search_keeps_the_seen_assignee() {
    let (api, browser) = open();
    let ada = api.add_user("acme", "ada@acme.test");
    let bob = api.add_user("acme", "bob@acme.test").to_string();
    let id = api.create_device(json!({}));
    let assign = format!("{}/assign", path(id));
    let seen = browser.page(&assign).value("revision");
    change(&api, id, &json!({"user_id": ada}));
    let headers = [
        ("HX-Request", "true"),
        ("Seen-Revision", &seen),
        ("Seen-Assignee", ""),
    ];
    let search = format!("{assign}?search=bob");
    let response = browser.send(browser.request("GET", &search, &headers));
    let page = Page::read(&response.text);
    assert_eq!(page.value("revision"), seen);
    assert_eq!(page.value("assignee"), "");
    let form = [("revision", seen.as_str()), ("user_id", &bob)];
    let conflict = browser.post(&assign, &form);
    assert_eq!(conflict.status, 409);
    assert_eq!(stored(&api, id)["user"]["email"], "ada@acme.test");
    assert_ne!(browser.page(&search).value("revision"), seen);
}
