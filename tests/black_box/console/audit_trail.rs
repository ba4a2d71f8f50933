//! Changes through pages, in the audit trail and in the histories of objects.

use devices_tests::{Api, Browser, Page};
use serde_json::json;

use super::form::FilledForm;
use super::open;

/// Returns the path of the page to which a form leads.
#[track_caller]
fn create(browser: &Browser, page: &str, action: &str, values: &[(&str, &str)]) -> String {
    let form = FilledForm::open(browser, page, action);
    let created = form.with(values).send(browser);
    assert_eq!(created.status, 303, "{}", created.text);
    let location = created.header("location");
    location.split('?').next().unwrap_or_default().to_owned()
}

/// Returns the actions with their interfaces, sorted: the server reserves ids of events in blocks.
fn interfaces(api: &Api) -> Vec<String> {
    let events = api.events().into_iter();
    let interfaces = events.map(|event| {
        let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
        format!("{} {}", text("action"), text("interface"))
    });
    let mut interfaces: Vec<_> = interfaces.collect();
    interfaces.sort_unstable();
    interfaces
}

/// Returns the path of the batch that created the device of a page.
#[track_caller]
fn creating_batch(device: &Page) -> String {
    let mut links = device.links().into_keys();
    let batch = links.find(|link| link.starts_with("/ui/batches/"));
    batch.expect("a batch created the device")
}

#[test]
fn audit_trail_names_the_console() {
    let (api, browser) = open();
    let new = "/ui/devices/new";
    let values = [
        ("name", "LT-1"),
        ("type", "laptop"),
        ("category", "computers"),
    ];
    let device = create(&browser, new, new, &values);
    let email = [("email", "ada@example.com")];
    let user = create(&browser, "/ui/users/new", "/ui/users", &email);
    let edit = format!("{device}/edit");
    let form = FilledForm::open(&browser, &edit, &edit);
    form.with(&[("brand", "Dell")]).send_and_follow(&browser);
    browser.post_and_follow(&format!("{user}/delete"), &[]);
    let archive = format!("{device}/archive");
    let form = FilledForm::open(&browser, &archive, &archive);
    form.send_and_follow(&browser);
    browser.post_and_follow(&format!("{device}/restore"), &[]);
    let id = device.rsplit('/').next().unwrap_or_default();
    api.call("DELETE", &format!("/devices/{id}"));
    let expected = [
        "CREATED CONSOLE",
        "CREATED CONSOLE",
        "DELETED API",
        "DELETED CONSOLE",
        "DELETED CONSOLE",
        "RESTORED CONSOLE",
        "UPDATED CONSOLE",
    ];
    assert_eq!(interfaces(&api), expected);
    let page = browser.page(&device);
    assert!(page.text().contains("Created with"), "{}", page.text());
    assert_eq!(browser.get(&creating_batch(&page)).status, 200);
}

#[test]
fn pages_of_users_enrollments_and_keys_have_histories() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.create_key("acme", "ADMIN"));
    let email = [("email", "ada@example.com")];
    let user = create(&browser, "/ui/users/new", "/ui/users", &email);
    for index in 0..25 {
        let id = user.rsplit('/').next().unwrap_or_default();
        let patch = json!({"arrival_date": format!("2027-01-{:02}", index + 1)});
        let changed = api.send("PATCH", &format!("/users/{id}"), &patch);
        assert_eq!(changed.status, 200, "{}", changed.text);
    }
    let page = browser.page(&user);
    assert_eq!(page.rows().len(), 20);
    assert_eq!(page.rows()[0][1], "Updated");
    assert_eq!(page.rows()[0][3], "Arrival date");
    let older = browser.page(&page.link("Older events"));
    let created = older.rows().pop().unwrap();
    assert_eq!(created[1], "Created");
    assert!(created[2].ends_with(", in the console"), "{created:?}");

    for is_encrypted in [false, true] {
        let fields = json!({"status": "ENROLLED", "is_encrypted": is_encrypted});
        api.send("PUT", "/mdm/enrollments/A%2FB%207", &fields);
    }
    let rows = browser.page("/ui/enrollments/A%2FB%207").rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        (rows[0][1].as_str(), rows[0][3].as_str()),
        ("Updated", "Encrypted")
    );

    let list = browser.page("/ui/keys");
    let form = FilledForm::open(&browser, "/ui/keys/new", "/ui/keys");
    let form = form.with(&[("name", "nightly import"), ("scope", "READ")]);
    assert_eq!(form.send(&browser).status, 201);
    assert!(!list.text().contains("nightly import"));
    let key = browser.page("/ui/keys").link("nightly import");
    let page = browser.page(&key);
    assert_eq!(page.rows().len(), 1, "{:?}", page.rows());
    assert!(page.rows()[0][2].ends_with(", in the console"));
    let revoked = browser.post_and_follow(&format!("{key}/revoke"), &[]);
    assert!(revoked.text().contains("The key was revoked."));
    assert_eq!(browser.page(&key).rows()[0][1], "Revoked");
    let reader = Browser::signed_in(&api.server, &api.create_key("acme", "READ"));
    assert_eq!(reader.page(&user).rows().len(), 20);
    assert_eq!(reader.get(&key).status, 403);
}

#[test]
fn unknown_notice_shows_nothing() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.create_key("acme", "ADMIN"));
    let device = api.create_device(json!({"name": "LT-1"}));
    let user = api.add_user("acme", "ada@example.com");
    let batch = creating_batch(&browser.page(&format!("/ui/devices/{device}")));
    let notice = |path: &str| {
        let page = browser.page(path);
        page.by_id("notice").expect("every page has notices").text()
    };
    for (path, known) in [
        (format!("/ui/devices/{device}"), "saved"),
        (format!("/ui/users/{user}"), "created"),
        ("/ui/users".to_owned(), "deleted"),
        ("/ui/keys".to_owned(), "revoked"),
        (batch, "undone"),
    ] {
        assert_ne!(notice(&format!("{path}?notice={known}")), "", "{path}");
        for unknown in ["", "x", "%3Cb%3Ex"] {
            assert_eq!(notice(&format!("{path}?notice={unknown}")), "", "{path}");
        }
    }
}
