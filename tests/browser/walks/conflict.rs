//! Two windows edit the same device.

use devices_tests::Api;
use rstest::rstest;

use super::{WITHOUT_JAVASCRIPT, create_devices, sign_in};
use crate::browser::View;

#[rstest]
#[case::with_javascript(View::default())]
#[case::without_javascript(WITHOUT_JAVASCRIPT)]
fn conflicting_change_is_compared(#[case] view: View) {
    let api = Api::start();
    let id = create_devices(&api, 1)[0];
    let edit = format!("/ui/devices/{id}/edit");
    let mine = sign_in(&api, &api.key, view);
    let theirs = sign_in(&api, &api.key, view);
    mine.visit(&edit);
    theirs.visit(&edit);
    theirs.fill("Model", "Latitude 5440");
    theirs.fill("Brand", "Dell");
    theirs.press("Save");
    theirs.wait_for_text("The changes were saved.");

    mine.fill("Model", "ThinkPad T14");
    mine.fill("Comment", "with dock");
    mine.double_click("Save");
    mine.wait_for_text("LA-0000 has changed meanwhile");
    for text in ["ThinkPad T14", "Latitude 5440", "with dock", "Dell"] {
        mine.wait_for_text(text);
    }
    if view.has_javascript {
        mine.check("conflict");
    }
    let device = || api.get_json(&format!("/devices/{id}"))["data"].clone();
    assert_eq!(device()["model"], "Latitude 5440");

    mine.tick("Your value");
    mine.double_click("Save the chosen values");
    mine.wait_for_text("The changes were saved.");
    mine.reload();
    let device = device();
    assert_eq!(device["model"], "ThinkPad T14");
    assert_eq!(device["comment"], "with dock");
    assert_eq!(device["brand"], "Dell");

    // The other window notices the change as well.
    theirs.back();
    theirs.reload();
    assert_eq!(theirs.value("Model"), "ThinkPad T14");
}
