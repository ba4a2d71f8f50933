//! Keys of several scopes, from the sign-in to the end of the session.

use devices_tests::{Api, run};
use rstest::rstest;

use super::{WITHOUT_JAVASCRIPT, create_devices, create_user};
use crate::browser::{Browser, View};

/// Pages with controls that change something. `{batch}` stands for the id of the batch.
const PAGES: [&str; 6] = [
    "/ui/devices",
    "/ui/devices/1",
    "/ui/batches",
    "/ui/batches/{batch}",
    "/ui/users",
    "/ui/users/1",
];

/// Forms that change something.
const FORMS: [&str; 10] = [
    "/ui/devices/new",
    "/ui/devices/1/edit",
    "/ui/devices/1/assign",
    "/ui/devices/1/archive",
    "/ui/devices/1/restore",
    "/ui/import",
    "/ui/batches/{batch}/undo",
    "/ui/users/new",
    "/ui/users/1/edit",
    "/ui/users/1/delete",
];

/// Parts of the addresses of forms, and of what they are sent to.
const CHANGES: [&str; 9] = [
    "/new", "/edit", "/assign", "/archive", "/restore", "/delete", "/undo", "/import", "/bulk",
];

/// Returns the addresses of the page that lead to changes.
fn changes(browser: &Browser) -> Vec<String> {
    const ADDRESSES: &str = "\
        const controls = document.querySelectorAll( \
            ':is(nav, main) :is(a[href], form[action], button[formaction])'); \
        return [...controls].map((control) => ['href', 'action', 'formaction'] \
            .map((name) => control.getAttribute(name)).find((address) => address));";
    let addresses = browser.execute(ADDRESSES);
    let addresses = addresses.as_array().into_iter().flatten();
    let addresses = addresses.filter_map(|address| address.as_str());
    let is_change = |address: &&str| CHANGES.iter().any(|change| address.contains(change));
    addresses.filter(is_change).map(str::to_owned).collect()
}

/// Opens a page, and waits until it shows the session.
fn visit(browser: &Browser, path: &str) {
    browser.visit(path);
    browser.wait_for_text("Sign out");
}

fn sign_in(browser: &Browser, key: &str) {
    browser.fill("API key", key);
    browser.press("Sign in");
    browser.wait_for_text("Sign out");
}

#[rstest]
#[case::with_javascript(View::default())]
#[case::without_javascript(WITHOUT_JAVASCRIPT)]
fn scope_of_the_key_limits_the_session(#[case] view: View) {
    let api = Api::start();
    let read = api.create_key("acme", "READ");
    create_devices(&api, 2);
    let batch = api.get_json("/batches")["data"][0]["id"].to_string();
    let pages = PAGES.map(|page| page.replace("{batch}", &batch));
    let forms = FORMS.map(|form| form.replace("{batch}", &batch));
    create_user(&api, "ada@example.com", "Ada");
    let browser = Browser::open_with(api.server.address(), view);
    browser.visit("/ui/devices?search=LA");
    browser.fill("API key", &api.key.replace("fdk_1_", "fdk_2_"));
    browser.press("Sign in");
    browser.wait_for_text("This is not an active API key");
    browser.reload();
    sign_in(&browser, &read);
    assert_eq!(browser.path(), "/ui/devices?search=LA");

    for page in &pages {
        visit(&browser, page);
        assert_eq!(changes(&browser), Vec::<String>::new(), "{page}");
    }
    let forms_of_keys = ["/ui/keys", "/ui/keys/new"];
    for form in forms.iter().map(String::as_str).chain(forms_of_keys) {
        browser.visit(form);
        browser.wait_for_text("Your key does not allow this");
    }

    browser.visit("/ui/devices");
    browser.press("Sign out");
    browser.wait_for_text("API key");
    browser.back();
    browser.wait_for_text("API key");
    sign_in(&browser, &api.key);
    for page in &pages {
        visit(&browser, page);
        assert_ne!(changes(&browser), Vec::<String>::new(), "{page}");
    }
    for form in &forms {
        visit(&browser, form);
        assert!(
            !browser.text().contains("Your key does not allow this"),
            "{form}"
        );
    }
    browser.visit("/ui/keys");
    browser.wait_for_text("Your key does not allow this");

    browser.visit("/ui/devices");
    assert_eq!(run(&api.database, &["key", "revoke", "1"]).code, 0);
    browser.follow("Users");
    browser.wait_for_text("API key");
    assert_eq!(browser.path(), "/ui/sign-in?next=%2Fui%2Fusers");
}
