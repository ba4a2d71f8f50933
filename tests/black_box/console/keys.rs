//! API keys in the console.

use devices_tests::{Api, Browser, Element, Page};
use serde_json::json;

use super::form::FilledForm;
use super::html::{HOSTILE, assert_escaped};

fn administrator(api: &Api) -> Browser {
    Browser::signed_in(&api.server, &api.create_key("acme", "ADMIN"))
}

/// Returns the secret on the page of a new key. Signs in with it, which records it as confidential.
#[track_caller]
fn secret(api: &Api, page: &Page) -> String {
    let secret = page.by_id("secret").expect("the secret is shown").value();
    Browser::signed_in(&api.server, &secret);
    secret
}

#[test]
fn secret_of_a_new_key_is_shown_once() {
    let api = Api::start();
    let browser = administrator(&api);
    let form = FilledForm::open(&browser, "/ui/keys/new", "/ui/keys");
    let sent = form.with(&[("name", HOSTILE), ("scope", "READ"), ("expires_in", "30d")]);
    let created = sent.send(&browser);
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("cache-control"), "no-store");
    let page = Page::read(&created.text);
    assert_escaped(&page);
    let secret = secret(&api, &page);
    // A reload, or a second click, on this server or another one.
    let again = sent.send(&browser);
    assert_eq!(again.status, 409, "{}", again.text);
    assert!(!again.text.contains(&secret));
    let page = Page::read(&again.text);
    assert_escaped(&page);
    assert!(page.text().contains("was created at"), "{}", page.text());
    let list = browser.page("/ui/keys");
    assert_escaped(&list);
    let names = list.rows().into_iter().filter(|row| row[0] == HOSTILE);
    assert_eq!(names.count(), 1);
    // Sent again knowingly, the form creates another key.
    let other = FilledForm::of(&page, "/ui/keys").send(&browser);
    assert_eq!(other.status, 201, "{}", other.text);
    self::secret(&api, &Page::read(&other.text));
}

#[test]
fn wrong_values_of_a_key_are_shown_again() {
    let api = Api::start();
    let browser = administrator(&api);
    let form = FilledForm::open(&browser, "/ui/keys/new", "/ui/keys");
    for (name, value, error) in [
        ("name", "", "Name is required"),
        ("scope", "", "Scope is required"),
        ("scope", "ROOT", "Scope must be one of"),
        ("expires_in", "soon", "Expires in must be a duration"),
    ] {
        let valid = form.with(&[("name", HOSTILE), ("scope", "READ")]);
        let rejected = valid.with(&[(name, value)]).send(&browser);
        assert_eq!(rejected.status, 422, "{name}: {}", rejected.text);
        let page = Page::read(&rejected.text);
        assert_escaped(&page);
        assert!(page.text().contains(error), "{name}: {}", page.text());
    }
    assert_eq!(
        browser
            .post("/ui/keys", &[("name", "x"), ("scope", "READ")])
            .status,
        400
    );
}

#[test]
fn rotation_replaces_a_key_once() {
    let api = Api::start();
    let browser = administrator(&api);
    let list = browser.page("/ui/keys");
    let links = list.links();
    let rotate = links
        .keys()
        .find(|link| link.ends_with("/rotate"))
        .unwrap()
        .clone();
    let form = FilledForm::open(&browser, &rotate, &rotate);
    let rotated = form.with(&[("overlap", "1h")]).send(&browser);
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    let page = Page::read(&rotated.text);
    assert!(
        page.text().contains("remains valid until"),
        "{}",
        page.text()
    );
    secret(&api, &page);
    let again = form.with(&[("overlap", "0s")]).send(&browser);
    assert_eq!(again.status, 409, "{}", again.text);
    assert!(browser.page("/ui/keys").text().contains("Retiring"));
}

/// Returns the address of the page of the key of the session, which is the newest one.
fn own_key(browser: &Browser) -> String {
    let links = browser.page("/ui/keys").links();
    let ids = links.keys().filter_map(|link| {
        let id = link.strip_prefix("/ui/keys/")?;
        id.parse::<i64>().ok()
    });
    format!("/ui/keys/{}", ids.max().expect("a key is listed"))
}

#[test]
fn own_key_is_rotated_with_an_overlap() {
    let api = Api::start();
    let browser = administrator(&api);
    let rotate = format!("{}/rotate", own_key(&browser));
    let page = browser.page(&rotate);
    let overlaps = page.all("option").into_iter();
    assert!(overlaps.map(Element::value).all(|value| value != "0s"));
    let form = FilledForm::of(&page, &rotate);
    for overlap in ["0s", "59m"] {
        let rejected = form.with(&[("overlap", overlap)]).send(&browser);
        assert_eq!(rejected.status, 422, "{}", rejected.text);
        let page = Page::read(&rejected.text);
        assert!(page.text().contains("at least 1 hour"), "{}", page.text());
    }
    let rotated = form.with(&[("overlap", "1h")]).send(&browser);
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    secret(&api, &Page::read(&rotated.text));
    // The second click of a double click: the session remains.
    let again = form.with(&[("overlap", "1h")]).send(&browser);
    assert_eq!(again.status, 409, "{}", again.text);
}

#[test]
fn key_leads_to_its_activity_and_batches() {
    let api = Api::start();
    let browser = administrator(&api);
    let user = json!({"email": "ada@example.com"});
    assert_eq!(api.send("POST", "/users", &user).status, 201);
    api.create_device(json!({"name": "A"}));
    let page = browser.page("/ui/keys/1");
    assert_eq!(
        browser
            .page(&page.link("Activity of this key"))
            .rows()
            .len(),
        2
    );
    assert_eq!(
        browser.page(&page.link("Batches of this key")).rows().len(),
        1
    );
    let own = browser.page(&own_key(&browser));
    let activity = browser.page(&own.link("Activity of this key"));
    assert_eq!(activity.rows().len(), 0, "{:?}", activity.rows());
    let batches = browser.page(&own.link("Batches of this key"));
    assert!(
        batches.text().contains("No batches of this key"),
        "{}",
        batches.text()
    );
    assert_eq!(batches.link("All batches"), "/ui/batches");
}

#[test]
fn revocation_of_the_own_key_ends_the_session() {
    let api = Api::start();
    let browser = administrator(&api);
    let own = format!("{}/revoke", own_key(&browser));
    let page = browser.page(&own);
    assert!(
        page.text().contains("you will be signed out"),
        "{}",
        page.text()
    );
    let rejected = browser.post(&own, &[]);
    assert_eq!(rejected.status, 409, "{}", rejected.text);
    assert!(
        rejected.text.contains("Create another ADMIN key first"),
        "{}",
        rejected.text
    );
    api.create_key("acme", "ADMIN");
    let revoked = browser.post(&own, &[]);
    assert_eq!(
        (revoked.status, revoked.header("location")),
        (303, "/ui/sign-in")
    );
    assert_eq!(browser.get("/ui/keys").status, 303);
}

#[test]
fn keys_are_for_administrators_of_the_workspace() {
    let api = Api::start();
    let browser = administrator(&api);
    let links = browser.page("/ui/keys").links();
    let revoke = links.keys().find(|link| link.ends_with("/revoke")).unwrap();
    let rotate = revoke.replace("/revoke", "/rotate");
    api.create_workspace("globex");
    let foreign = Browser::signed_in(&api.server, &api.create_key("globex", "ADMIN"));
    let newest = [("newest", "1"), ("overlap", "0s")];
    let detail = revoke.replace("/revoke", "");
    assert_eq!(foreign.get(&detail).status, 404);
    for path in [revoke, &rotate] {
        assert_eq!(foreign.get(path).status, 404, "{path}");
        assert_eq!(foreign.post(path, &newest).status, 404, "{path}");
    }
    for scope in ["READ", "WRITE"] {
        let other = Browser::signed_in(&api.server, &api.create_key("acme", scope));
        assert!(!other.page("/ui/users").links().contains_key("/ui/keys"));
        for path in ["/ui/keys", "/ui/keys/new", &detail, revoke, &rotate] {
            assert_eq!(other.get(path).status, 403, "{scope} {path}");
        }
        for path in ["/ui/keys", revoke, &rotate] {
            assert_eq!(other.post(path, &newest).status, 403, "{scope} {path}");
        }
    }
}
