//! A device is found by part of its serial number, and assigned.

use devices_tests::Api;
use rstest::rstest;

use super::{WITHOUT_JAVASCRIPT, create_devices, create_user, sign_in};
use crate::browser::{Browser, View};

/// Searches with the first search box of the page. Its results are live if scripts run.
fn search(browser: &Browser, view: View, label: &str, text: &str) {
    browser.fill(label, text);
    if !view.has_javascript {
        browser.press("Search");
    }
}

#[rstest]
#[case::with_javascript(View::default())]
#[case::without_javascript(WITHOUT_JAVASCRIPT)]
fn device_is_found_and_assigned(#[case] view: View) {
    let api = Api::start();
    let ids = create_devices(&api, 60);
    let ada = create_user(&api, "ada@example.com", "Ada");
    create_user(&api, "bob@example.com", "Bob");
    let browser = sign_in(&api, &api.key, view);

    search(&browser, view, "Search", "0042q");
    browser.wait_for_text("Search: 0042q");
    browser.reload();
    browser.wait_for_text("Search: 0042q");
    assert_eq!(browser.count("tbody tr"), 1);
    browser.follow("LA-0042");
    browser.wait_for_text("The device is not assigned.");

    browser.follow("Assign");
    browser.wait_for_text("Assign LA-0042");
    search(&browser, view, "Search users", "ada");
    browser.wait_for_text("1 user found");
    browser.reload();
    browser.wait_for_text("1 user found");
    browser.double_click("Assign to Ada");
    browser.wait_for_text("The device was assigned.");
    browser.reload();
    browser.wait_for_text("History");
    // The creation, and one change.
    assert_eq!(browser.count("#history tbody tr"), 2);
    let device = api.get_json(&format!("/devices/{}", ids[42]));
    assert_eq!(device["data"]["user_id"], ada);

    browser.back();
    browser.reload();
    browser.wait_for_text("Has the device now");
    browser.press("Take back");
    browser.wait_for_text("It has no assignee now.");
}
