//! Pages that report errors.

use serde_json::json;

use super::data::Console;
use crate::browser::Browser;

#[test]
fn error_pages_are_accessible() {
    let console = Console::open();
    for (name, path) in [
        ("error-not-found", "/ui/nothing"),
        ("error-unknown-device", "/ui/devices/999999"),
        ("error-unknown-batch", "/ui/batches/999999"),
        ("error-unknown-user", "/ui/users/999999"),
        ("error-unknown-enrollment", "/ui/enrollments/nothing"),
    ] {
        console.check(name, path);
    }
    let reader = Browser::open(console.api.server.address());
    reader.sign_in(&console.api.create_key("acme", "READ"));
    for (name, path) in [
        ("error-forbidden", "/ui/devices/new"),
        ("error-forbidden-keys", "/ui/keys"),
    ] {
        reader.visit(path);
        reader.check_views(name);
    }
}

#[test]
fn forms_with_errors_are_accessible() {
    let console = Console::open();
    let browser = &console.browser;
    let taken = json!({ "email": "ada@example.com" });
    console.send("POST", "/users", &taken);

    browser.visit("/ui/devices/new");
    browser.fill("Serial number", &"S".repeat(65));
    browser.fill("Purchase price", "12,99 EUR");
    browser.press("Create the device");
    browser.check_views("device-new-errors");

    browser.visit("/ui/users/new");
    browser.fill("Email", "ADA@example.com");
    browser.press("Create user");
    browser.check_views("user-new-errors");

    browser.visit("/ui/keys/new");
    browser.press("Create key");
    browser.check_views("key-new-errors");
}
