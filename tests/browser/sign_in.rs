//! Sign-in with keys.

use devices_tests::Api;

use crate::browser::Browser;

#[test]
fn wrong_key_is_explained() {
    let api = Api::start();
    let browser = Browser::open(api.server.address());
    browser.visit("/ui/devices");
    browser.check("sign-in");
    browser.fill("API key", "fdk_wrong");
    browser.press("Sign in");
    browser.wait_for_text("This is not an active API key");
    browser.check("sign-in-wrong-key");
    browser.fill("API key", &api.key);
    browser.press("Sign in");
    browser.wait_for_text("Sign out");
    assert_eq!(browser.path(), "/ui/devices");
}
