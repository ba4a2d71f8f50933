//! Pictures of the console for the documentation: `make console-pictures` writes them.

mod fleet;

use std::path::Path;

use devices_tests::{Api, send};
use serde_json::json;

use crate::browser::Browser;

#[test]
fn pages_of_the_documentation_can_be_pictured() {
    let api = Api::start();
    let devices = fleet::store(&api);
    let browser = Browser::open(api.server.address());
    let admin = api.create_key("acme", "ADMIN");
    let person = json!({ "name": "Jonas Weber", "scope": "ADMIN" });
    let key = api.send_as(&admin, "POST", "/keys", &person).json();
    browser.sign_in(
        key["data"]["secret"]
            .as_str()
            .expect("a new key has a secret"),
    );

    browser.visit("/ui/");
    browser.picture("console/overview");

    browser.visit("/ui/devices?type=laptop&brand=Apple");
    for name in ["PAR-LT-101", "BER-LT-102", "PAR-LT-105"] {
        browser.tick(&format!("Select {name}"));
    }
    browser.picture("console/devices");

    let device = format!("/ui/devices/{}", devices[4]);
    browser.visit(&device);
    browser.picture("console/device");

    browser.visit(&format!("{device}/edit"));
    let change = json!({ "comment": "Collected by the repair shop.", "tags": ["repair"] });
    let path = format!("/devices/{}", devices[4]);
    let changed = send(
        api.request("PATCH", &path)
            .bearer_auth(&api.key)
            .json(&change),
    );
    assert_eq!(changed.status, 200, "{}", changed.text);
    browser.fill("Comment", "Battery replaced, back on Monday.");
    browser.press("Save");
    browser.wait_for_text("has changed meanwhile");
    browser.picture("console/conflict");

    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/import");
    browser.visit("/ui/import");
    browser.choose_file("Spreadsheet", &examples.join("inventory.xlsx"));
    browser.press("Continue");
    browser.wait_for_text("Check the columns");
    browser.picture("console/import-columns");

    browser.fill("Category", "accessories");
    browser.press("Check the rows");
    browser.wait_for_text("Check what will happen");
    browser.picture("console/import-plan");
}
