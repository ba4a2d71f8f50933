//! Activity: the newest changes.

use devices_tests::Browser;
use serde_json::json;

use super::html::{HOSTILE, assert_escaped};
use super::{change, open};

#[test]
fn newest_changes_are_listed_with_their_objects() {
    let (api, browser) = open();
    let empty = browser.page("/ui/activity");
    assert!(
        empty.text().contains("Nothing has happened yet"),
        "{}",
        empty.text()
    );
    let id = api.create_device(json!({"name": HOSTILE}));
    change(&api, id, &json!({"brand": "Dell"}));
    let user = json!({"email": "ada@example.com"});
    assert_eq!(api.send("POST", "/users", &user).status, 201);
    let page = browser.page("/ui/activity");
    assert_escaped(&page);
    let events: Vec<_> = page
        .rows()
        .into_iter()
        .map(|row| (row[1].clone(), row[3].clone()))
        .collect();
    let expected = [
        ("User created", ""),
        ("Device updated", "Brand"),
        ("Device created", ""),
    ];
    let expected = expected.map(|(event, fields)| (event.to_owned(), fields.to_owned()));
    assert_eq!(events, expected);
    assert_eq!(page.link(HOSTILE), format!("/ui/devices/{id}"));

    let filtered = browser.page("/ui/activity?type=user.created");
    assert_eq!(filtered.rows().len(), 1, "{:?}", filtered.rows());
    let none = browser.page("/ui/activity?type=batch.undone");
    assert!(
        none.text().contains("No such event among the newest"),
        "{}",
        none.text()
    );
    // The newest page is updated while it is open, until the user stops it.
    let updates = |path: &str| {
        browser
            .page(path)
            .by_id("events")
            .expect("it exists")
            .attribute("hx-get")
            .to_owned()
    };
    assert_eq!(updates("/ui/activity"), "/ui/activity?");
    assert_eq!(updates("/ui/activity?live=off"), "");
    api.create_workspace("globex");
    let foreign = Browser::signed_in(&api.server, &api.create_key("globex", "READ"));
    assert_eq!(foreign.page("/ui/activity").rows().len(), 0);
}
