//! Users in the console.

use devices_tests::{Api, Browser, Page, Response};
use serde_json::json;

use super::form::FilledForm;
use super::html::{HOSTILE, assert_escaped};

fn create(browser: &Browser, fields: &[(&str, &str)]) -> Response {
    browser.post("/ui/users", fields)
}

/// Creates a user. Returns the address of its page.
#[track_caller]
fn create_user(browser: &Browser, email: &str) -> String {
    let created = create(browser, &[("email", email), ("first_name", "Ada")]);
    assert_eq!(created.status, 303, "{}", created.text);
    let location = created.header("location");
    location.split('?').next().unwrap_or_default().to_owned()
}

#[test]
fn user_is_created_edited_and_deleted() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let empty = browser.page("/ui/users");
    assert!(empty.text().contains("No users yet"), "{}", empty.text());
    let user = create_user(&browser, "ada@example.com");
    // Sent twice, the form leads to the same user.
    assert_eq!(create_user(&browser, "ada@example.com"), user);
    let again = [("email", "ada@example.com"), ("first_name", "Ada")];
    let again = browser.post_and_follow("/ui/users", &again);
    assert!(again.text().contains("A user with these values exists."));
    let form = FilledForm::open(&browser, &format!("{user}/edit"), &user);
    let changed = form.with(&[("position", "CTO"), ("arrival_date", "2026-01-31")]);
    let page = changed.send_and_follow(&browser);
    assert_eq!(page.heading(), "Ada");
    assert!(page.text().contains("The user was saved."));
    assert!(page.text().contains("CTO"), "{}", page.text());
    for text in ["Created", "Updated", "Position"] {
        let history = page.by_id("history").unwrap().text();
        assert!(history.contains(text), "{text}: {history}");
    }
    let list = browser.page("/ui/users?search=ad");
    assert_eq!(list.link("Ada"), user);
    let none = browser.page("/ui/users?search=grace");
    assert!(none.text().contains("No user matches"), "{}", none.text());
    let long = browser.page(&format!("/ui/users?search={}", "x".repeat(256)));
    assert!(
        long.text().contains("The search text must"),
        "{}",
        long.text()
    );
    let delete = format!("{user}/delete");
    browser.page(&delete);
    for notice in ["The user was deleted.", "does not exist any more"] {
        let page = browser.post_and_follow(&delete, &[]);
        assert!(page.text().contains(notice), "{}", page.text());
    }
    assert_eq!(browser.get(&user).status, 404);
}

#[test]
fn wrong_values_are_shown_again_with_their_errors() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let ada = create_user(&browser, "ada@example.com");
    let cases = [
        (("email", ""), "Email is required"),
        (
            ("email", "ADA@example.com"),
            "is the address of another user",
        ),
        (("departure_date", "2020-01-01"), "Departure date must"),
        (("role", "KING"), "Role must be one of"),
    ];
    for ((name, value), error) in cases {
        let sent = [
            ("email", "grace@example.com"),
            ("phone", "\"><b>1"),
            ("arrival_date", "2026-01-31"),
        ];
        let mut sent: Vec<_> = sent
            .into_iter()
            .filter(|(other, _)| *other != name)
            .collect();
        sent.push((name, value));
        let rejected = create(&browser, &sent);
        assert_eq!(rejected.status, 422, "{name}: {}", rejected.text);
        let page = Page::read(&rejected.text);
        assert!(page.text().contains(error), "{name}: {}", page.text());
        assert_eq!(page.value("phone"), "\"><b>1");
        if value.starts_with("ADA") {
            assert_eq!(page.link("Open that user"), ada);
        }
    }
}

#[test]
fn concurrent_edit_keeps_the_changes_of_both() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let user = create_user(&browser, "ada@example.com");
    let form = FilledForm::open(&browser, &format!("{user}/edit"), &user);
    let first = form.with(&[("position", "CTO"), ("phone", "1")]);
    first.send_and_follow(&browser);
    // Another field: both changes remain.
    let other = form.with(&[("language", "Latin")]);
    let merged = other.send_and_follow(&browser);
    for text in ["Somebody else changed other fields", "CTO", "Latin"] {
        assert!(merged.text().contains(text), "{text}: {}", merged.text());
    }
    // The same field: both values are shown, and nothing is stored.
    let same = form.with(&[("position", "CEO")]);
    let conflict = same.send(&browser);
    assert_eq!(conflict.status, 409, "{}", conflict.text);
    let page = Page::read(&conflict.text);
    assert!(
        page.text().contains("was changed to \u{201c}CTO\u{201d}"),
        "{}",
        page.text()
    );
    assert_eq!(
        (page.value("position"), page.value("phone")),
        ("CEO".into(), "1".into())
    );
    assert!(browser.page(&user).text().contains("CTO"));
    // Sent again, the form replaces the value of the other one.
    let replaced = FilledForm::of(&page, &user).send_and_follow(&browser);
    assert!(replaced.text().contains("CEO"), "{}", replaced.text());
    // A form that is sent twice changes nothing the second time, and says the same.
    let again = FilledForm::of(&page, &user).send_and_follow(&browser);
    for text in ["CEO", "The user was saved."] {
        assert!(again.text().contains(text), "{text}: {}", again.text());
    }
    let untouched = FilledForm::open(&browser, &format!("{user}/edit"), &user);
    let unchanged = untouched.send_and_follow(&browser);
    assert!(unchanged.text().contains("Nothing was changed"));
}

#[test]
fn notice_is_shown_once() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    for number in 0..51 {
        create_user(&browser, &format!("user-{number}@example.com"));
    }
    let first = browser.page("/ui/users?notice=deleted");
    assert!(first.text().contains("The user was deleted."));
    let second = browser.page(&first.link("Next page"));
    assert_eq!(second.rows().len(), 1, "{:?}", second.rows());
    assert!(!second.text().contains("The user was deleted."));
    assert_eq!(second.link("First page"), "/ui/users?");
}

#[test]
fn lists_of_a_page_are_paged_independently() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let user = create_user(&browser, "ada@example.com");
    let id: i64 = user.rsplit('/').next().unwrap().parse().unwrap();
    api.create_devices((0..51).map(|_| json!({"user_id": id})));
    for number in 0..21 {
        let phone = json!({"phone": number.to_string()});
        let changed = api.send("PATCH", &format!("/users/{id}"), &phone);
        assert_eq!(changed.status, 200, "{}", changed.text);
    }
    let first = browser.page(&format!("{user}?notice=saved"));
    let devices = browser.page(&first.link("Next page"));
    // The second page of devices, and the newest events.
    assert_eq!(devices.rows().len(), 1 + 20, "{:?}", devices.rows());
    let both = browser.page(&devices.link("Older events"));
    assert_eq!(both.rows().len(), 1 + 2, "{:?}", both.rows());
    let newest = browser.page(&both.link("Newest events"));
    assert_eq!(newest.rows().len(), 1 + 20, "{:?}", newest.rows());
    let all_devices = browser.page(&both.link("First page"));
    assert_eq!(all_devices.rows().len(), 50 + 2);
    assert!(!devices.text().contains("The user was saved."));
}

#[test]
fn user_with_devices_is_not_deleted() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let user = create_user(&browser, "ada@example.com");
    let id: i64 = user.rsplit('/').next().unwrap().parse().unwrap();
    for _ in 0..2 {
        api.create_device(json!({"name": HOSTILE, "type": HOSTILE, "user_id": id}));
    }
    let page = browser.page(&user);
    assert_escaped(&page);
    // The devices, and the event of the creation in the history.
    assert_eq!(page.rows().len(), 3, "{:?}", page.rows());
    for page in [
        browser.page(&format!("{user}/delete")),
        Page::read(&browser.post(&format!("{user}/delete"), &[]).text),
    ] {
        let devices = format!("/ui/devices?user_id={id}");
        assert_eq!(page.link("2 devices"), devices);
    }
}

#[test]
fn values_are_escaped_on_every_page() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let mut sent = vec![("email", "ada@example.com")];
    let names = [
        "first_name",
        "last_name",
        "phone",
        "phone_country",
        "language",
        "position",
    ];
    sent.extend(names.map(|name| (name, HOSTILE)));
    let created = create(&browser, &sent);
    assert_eq!(created.status, 303, "{}", created.text);
    let user = created.header("location").split('?').next().unwrap();
    let edit = format!("{user}/edit");
    for path in ["/ui/users", user, &edit, &format!("{user}/delete")] {
        assert_escaped(&browser.page(path));
    }
    assert_eq!(browser.page(&edit).value("phone"), HOSTILE);
    let rejected = create(&browser, &[("email", HOSTILE), ("phone", HOSTILE)]);
    assert_escaped(&Page::read(&rejected.text));
    let search = devices_tests::percent_encode(HOSTILE);
    let page = browser.page(&format!("/ui/users?search={search}"));
    assert_escaped(&page);
    assert_eq!(page.value("search"), HOSTILE);
}

#[test]
fn users_of_other_workspaces_and_changes_of_readers_are_rejected() {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    let user = create_user(&browser, "ada@example.com");
    api.create_workspace("globex");
    let foreign = api.create_key("globex", "WRITE");
    let foreign = Browser::signed_in(&api.server, &foreign);
    for path in ["", "/edit", "/delete"] {
        assert_eq!(foreign.get(&format!("{user}{path}")).status, 404, "{path}");
    }
    let form = [("base.phone", ""), ("phone", "1")];
    assert_eq!(foreign.post(&user, &form).status, 404);
    foreign.post(&format!("{user}/delete"), &[]);
    let reader = Browser::signed_in(&api.server, &api.create_key("acme", "READ"));
    let page = reader.page(&user);
    for link in page.links().keys() {
        assert!(
            !link.ends_with("/edit") && !link.ends_with("/delete"),
            "{link}"
        );
    }
    for path in [
        "/ui/users/new",
        &format!("{user}/edit"),
        &format!("{user}/delete"),
    ] {
        assert_eq!(reader.get(path).status, 403, "{path}");
    }
    for path in ["/ui/users", &user, &format!("{user}/delete")] {
        assert_eq!(reader.post(path, &form).status, 403, "{path}");
    }
    assert_eq!(browser.get(&user).status, 200);
}
