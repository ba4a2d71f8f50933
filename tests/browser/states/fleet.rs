//! Pages for many devices: filters, changes and imports.

use std::path::Path;

use super::data::{Console, fill};

#[test]
fn filters_and_changes_are_accessible() {
    let console = Console::open();
    fill(&console);
    for (name, path) in [
        (
            "devices-filtered",
            "/ui/devices?type=laptop&brand=Apple&tag=HDMI&attributes.Room=B12",
        ),
        ("devices-no-match", "/ui/devices?search=nothing+like+this"),
        (
            "devices-invalid-filter",
            "/ui/devices?updated_since=tomorrow&batch_id=x",
        ),
    ] {
        console.check(name, path);
    }
    let browser = &console.browser;
    browser.visit("/ui/devices");
    browser.unfold("Paste serial numbers");
    browser.fill("Serial numbers", "RTL-1\nunknown-1\nunknown-2");
    browser.press("Find");
    browser.wait_for_text("2 serial numbers are unknown");
    browser.check_views("devices-unknown-serial-numbers");

    let choose = |change: &str| {
        browser.visit("/ui/devices?search=Loaner");
        browser.tick("Select Loaner 1");
        browser.tick("Select Loaner 2");
        browser.choose("Change to make", change);
        browser.press("Continue");
    };
    choose("Assign");
    browser.check_views("bulk-assign");
    choose("Archive");
    browser.wait_for_text("2 devices will be changed");
    browser.check_views("bulk-archive");
    browser.press("Archive");
    browser.wait_for_text("as requested now");
    browser.check_views("bulk-result");
}

#[test]
fn import_is_accessible() {
    let console = Console::open();
    let browser = &console.browser;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/import");
    console.check("import", "/ui/import");
    browser.choose_file("Spreadsheet", &examples.join("inventory.xlsx"));
    browser.press("Continue");
    browser.wait_for_text("Check the columns");
    browser.check_views("import-columns");
    browser.press("Check the rows");
    browser.wait_for_text("There is a problem");
    browser.check_views("import-columns-errors");
    browser.fill("Category", "accessories");
    browser.press("Check the rows");
    browser.wait_for_text("Check what will happen");
    browser.check_views("import-plan");
    browser.press_beginning("Import only the");
    browser.wait_for_text("The import is stored");
    browser.check_views("import-result");
}
