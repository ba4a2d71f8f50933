//! The page of the newest changes, while it is open.

use devices_tests::Api;
use serde_json::json;

use super::{create_devices, sign_in};
use crate::browser::{Browser, View};

/// Opens the page in a browser in which 10 seconds take half a second.
fn open(api: &Api) -> Browser {
    let browser = sign_in(api, &api.key, View::default());
    browser.speed_up(20);
    browser.visit("/ui/activity");
    browser
}

fn create_device(api: &Api, name: &str) {
    api.create_devices([json!({ "name": name })]);
}

/// Waits until the page has been updated some times, or would have been.
fn wait_for_updates(browser: &Browser) {
    let wait = "const done = arguments[arguments.length - 1]; setTimeout(done, 50000);";
    browser.execute_async(wait);
}

#[test]
fn list_is_updated_until_it_is_stopped() {
    let api = Api::start();
    let browser = open(&api);
    browser.wait_for_text("Nothing has happened yet");
    create_device(&api, "LA-0001");
    browser.wait_for_row(&["LA-0001"]);
    browser.follow("Stop updating");
    browser.wait_for_text("This page does not update itself.");
    create_device(&api, "LA-0002");
    wait_for_updates(&browser);
    assert!(!browser.text().contains("LA-0002"));
    browser.follow("Update every 10 seconds");
    create_device(&api, "LA-0003");
    browser.wait_for_row(&["LA-0003"]);
}

#[test]
fn update_keeps_the_focus_and_the_selection() {
    const FOCUS: &str = "document.querySelector('#events td a').focus();";
    const SELECT: &str = "document.activeElement.blur(); \
        getSelection().selectAllChildren(document.querySelector('#events td a'));";
    let api = Api::start();
    create_devices(&api, 1);
    let browser = open(&api);
    for (start, name) in [(FOCUS, "LA-0001"), (SELECT, "LA-0002")] {
        browser.execute(start);
        create_device(&api, name);
        wait_for_updates(&browser);
        assert!(!browser.text().contains(name));
        let focused = browser.execute("return document.activeElement.textContent;");
        let selected = browser.execute("return getSelection().toString();");
        assert!([&focused, &selected].contains(&&json!("LA-0000")));
        browser.execute("document.activeElement.blur(); getSelection().empty();");
        browser.wait_for_row(&[name]);
        browser.execute("document.querySelector('#events tbody tr:not(:last-child)').remove();");
    }
}

#[test]
fn failed_updates_are_told_once() {
    let api = Api::start();
    let browser = open(&api);
    let stopped = super::StoppedServer::stop(api);
    browser.wait_for_text("The server did not answer");
    browser.execute("document.querySelector('[role=alert]').dataset.first = '';");
    wait_for_updates(&browser);
    assert_eq!(browser.count("[role=alert][data-first]"), 1);
    let api = stopped.start();
    create_device(&api, "LA-0001");
    browser.wait_for_row(&["LA-0001"]);
    assert_eq!(browser.count("[role=alert]"), 0);
}
