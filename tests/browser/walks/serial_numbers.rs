//! Serial numbers are pasted, and their devices archived and restored.

use devices_tests::Api;
use rstest::rstest;

use super::{WITHOUT_JAVASCRIPT, count_devices, create_devices, serial_number, sign_in};
use crate::browser::View;

#[rstest]
#[case::with_javascript(View::default())]
#[case::without_javascript(WITHOUT_JAVASCRIPT)]
fn devices_of_pasted_serial_numbers_are_archived(#[case] view: View) {
    let api = Api::start();
    create_devices(&api, 40);
    let browser = sign_in(&api, &api.key, view);
    browser.unfold("Paste serial numbers");
    // The last two are unknown.
    let pasted: Vec<_> = (12..42).map(serial_number).collect();
    browser.paste("Serial numbers", &pasted.join("\n"));
    if !view.has_javascript {
        browser.press("Find");
    }
    browser.wait_for_text("2 serial numbers are unknown");
    browser.wait_for_text("28 devices");
    assert_eq!(browser.count("tbody tr"), 28);

    browser.choose("Devices to change", "All on this page");
    browser.choose("Change to make", "Archive");
    browser.press("Continue");
    browser.wait_for_text("28 devices will be changed.");
    browser.reload();
    browser.double_click("Archive");
    browser.wait_for_text("28 devices are as requested now.");
    assert_eq!(count_devices(&api), 12);

    browser.back();
    browser.reload();
    browser.wait_for_text("There is nothing to change.");
    browser.forward();
    browser.reload();
    browser.follow("Undo: Restore");
    browser.wait_for_text("28 devices will be changed.");
    browser.double_click("Restore");
    browser.wait_for_text("28 devices are as requested now.");
    browser.wait_for_text("Undo: Archive");
    assert_eq!(count_devices(&api), 40);
}
