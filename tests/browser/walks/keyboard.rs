//! The keyboard is enough.

use devices_tests::Api;
use fantoccini::key::Key;
use serde_json::json;

use super::create_devices;
use crate::browser::Browser;

#[test]
fn device_is_edited_with_the_keyboard() {
    let api = Api::start();
    let id = create_devices(&api, 3)[1];
    let browser = Browser::open(api.server.address());
    browser.visit("/ui/devices");
    browser.tab_to("API key");
    browser.type_text(&api.key);
    browser.press_key(Key::Enter);
    browser.wait_for_text("Sign out");

    browser.tab_to("Skip to content");
    browser.press_key(Key::Enter);
    let focused = browser.execute("return document.activeElement.id;");
    assert_eq!(focused, json!("content"));
    browser.tab_to("LA-0001");
    browser.press_key(Key::Enter);
    browser.wait_for_text("The device is not assigned.");
    browser.tab_to("Edit");
    browser.press_key(Key::Enter);
    browser.wait_for_text("Edit LA-0001");
    browser.tab_to("Model");
    browser.type_text("Latitude 5440");
    browser.tab_to("Save");
    browser.press_key(Key::Enter);
    browser.wait_for_text("The changes were saved.");
    let device = api.get_json(&format!("/devices/{id}"));
    assert_eq!(device["data"]["model"], "Latitude 5440");
}
