//! Forms that are sent more than once.

use devices_tests::Api;

use super::sign_in;
use crate::browser::View;

#[test]
fn form_is_sent_again_after_its_navigation_was_stopped() {
    let api = Api::start();
    let browser = sign_in(&api, &api.key, View::default());
    browser.speed_up(20);
    browser.visit("/ui/users/new");
    browser.fill("Email", "ada@example.com");
    browser.execute("document.querySelector('main form').requestSubmit(); window.stop();");
    browser.find("main form:not([data-sent])");
    browser.press("Create user");
    browser.wait_for_text("ada@example.com");
    assert!(
        browser.path().starts_with("/ui/users/1"),
        "{}",
        browser.path()
    );
}
