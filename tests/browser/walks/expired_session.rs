//! A session ends while a form is open.

use devices_tests::Api;
use rstest::rstest;

use super::{WITHOUT_JAVASCRIPT, sign_in, sign_in_in_new_tab};
use crate::browser::View;

#[rstest]
#[case::with_javascript(View::default())]
#[case::without_javascript(WITHOUT_JAVASCRIPT)]
fn form_is_sent_again_after_another_sign_in(#[case] view: View) {
    let api = Api::start();
    let browser = sign_in(&api, &api.key, view);
    browser.visit("/ui/users/new");
    browser.fill("Email", "ada@example.com");
    browser.fill("First name", "Ada");
    api.database
        .execute("UPDATE console_sessions SET expires_at = now()");
    browser.press("Create user");
    browser.wait_for_text("You are signed out");
    if view.has_javascript {
        browser.check("signed-out");
    }
    sign_in_in_new_tab(&browser, &api.key);
    browser.reload();
    browser.wait_for_text("The user was created.");
    browser.wait_for_text("ada@example.com");
}
