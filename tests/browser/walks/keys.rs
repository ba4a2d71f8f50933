//! A key is created, and revoked.

use devices_tests::Api;
use rstest::rstest;

use super::{WITHOUT_JAVASCRIPT, sign_in};
use crate::browser::View;

#[rstest]
#[case::with_javascript(View::default())]
#[case::without_javascript(WITHOUT_JAVASCRIPT)]
fn secret_of_a_new_key_is_shown_once(#[case] view: View) {
    let api = Api::start();
    let admin = api.create_key("acme", "ADMIN");
    let browser = sign_in(&api, &admin, view);
    browser.follow("Keys");
    browser.follow("New key");
    browser.fill("Name", "nightly import");
    browser.choose("Scope", "Write");
    if view.has_javascript {
        browser.double_click("Create key");
    } else {
        // A second click would discard the page that shows the secret.
        browser.press("Create key");
    }
    browser.wait_for_text("Copy the secret now.");
    let secret = browser.value("Secret");
    assert_eq!(api.call_as(&secret, "GET", "/devices").status, 200);

    browser.reload();
    browser.wait_for_text("nightly import");
    assert_eq!(browser.count("#secret"), 0);
    let count = "SELECT count(*) FROM api_keys WHERE name = 'nightly import'";
    assert_eq!(api.database.texts(count), ["1"]);

    browser.visit("/ui/keys");
    browser.follow("Revoke nightly import");
    browser.wait_for_text("lose access at once");
    browser.double_click("Revoke key");
    browser.wait_for_text("The key was revoked.");
    assert_eq!(api.call_as(&secret, "GET", "/devices").status, 401);
    browser.back();
    browser.reload();
    browser.wait_for_text("This key gives no access any more.");
}
