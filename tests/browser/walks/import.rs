//! A sheet with faults is corrected, imported, and undone.

use std::path::Path;

use devices_tests::{Api, Directory};
use rstest::rstest;

use super::sheet::{DEVICES, FAULTS, USERS, csv};
use super::{StoppedServer, WITHOUT_JAVASCRIPT, count_devices, create_user, sign_in};
use crate::browser::{Browser, View};

fn choose_sheet(browser: &Browser, sheet: &str) {
    browser.choose_file("Spreadsheet", Path::new(sheet));
    browser.press("Continue");
    browser.wait_for_text("Check the columns");
    browser.press("Check the rows");
    browser.wait_for_text("Nothing has been stored yet.");
}

#[rstest]
#[case::with_javascript(View::default())]
#[case::without_javascript(WITHOUT_JAVASCRIPT)]
fn sheet_is_corrected_imported_and_undone(#[case] view: View) {
    let api = Api::start();
    for email in USERS {
        create_user(&api, email, "Ada");
    }
    let directory = Directory::new();
    let wrong = directory.write("laptops.csv", csv(&FAULTS));
    let corrected = directory.write("laptops-corrected.csv", csv(&[]));
    let browser = sign_in(&api, &api.key, view);
    browser.follow("Import");
    choose_sheet(&browser, &wrong);
    browser.wait_for_text("10 with errors");
    for fault in FAULTS {
        browser.wait_for_row(&[&fault.row(), fault.value, fault.message]);
    }
    if view.has_javascript {
        browser.check("import-errors");
        // Steps that a script has sent are kept for the back button.
        browser.back();
        browser.wait_for_text("Check the columns");
    } else {
        browser.reload();
        browser.press("Change columns and options");
        browser.wait_for_text("Check the columns");
    }
    browser.follow("Choose another file");
    choose_sheet(&browser, &corrected);

    let run = format!("Import {DEVICES} devices");
    let stopped = StoppedServer::stop(api);
    if view.has_javascript {
        browser.press(&run);
        browser.wait_for_text("The connection to the server was lost.");
    }
    let api = stopped.start();
    browser.double_click(&run);
    browser.wait_for_text("The import is stored");
    browser.reload();
    browser.wait_for_text("The import is stored");
    assert_eq!(count_devices(&api), DEVICES);

    browser.follow("Undo this import");
    browser.wait_for_text("20 devices will be archived.");
    browser.double_click("Undo the batch");
    browser.wait_for_text("The batch was undone.");
    assert_eq!(count_devices(&api), 0);
    browser.back();
    browser.reload();
    browser.wait_for_text("There is nothing to undo");
}
