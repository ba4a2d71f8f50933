//! The script of the import.

use std::path::Path;
use std::time::{Duration, Instant};

use devices_tests::{Api, Directory, ServerOptions, TIMEOUT};
use serde_json::{Value, json};

use super::{StoppedServer, count_devices, sign_in, sign_in_in_new_tab};
use crate::browser::{Browser, View};

const SHEET: &str = "name,type,serial number\nLA-1,laptop,SN-1\nLA-2,laptop,SN-1\n";

/// A browser at the step of the columns of a sheet without categories.
struct Import {
    api: Api,
    browser: Browser,
    directory: Directory,
    sheet: String,
}

impl Import {
    fn start() -> Self {
        let api = Api::start();
        let directory = Directory::new();
        let sheet = directory.write("laptops.csv", SHEET);
        let browser = sign_in(&api, &api.key, View::default());
        browser.visit("/ui/import");
        browser.choose_file("Spreadsheet", Path::new(&sheet));
        browser.press("Continue");
        browser.wait_for_text("Check the columns");
        Self {
            api,
            browser,
            directory,
            sheet,
        }
    }

    /// Goes to the step of the plan.
    fn plan(&self) {
        self.browser.fill("Category", "computers");
        self.browser.press("Check the rows");
        self.browser.wait_for_text("Nothing has been stored yet.");
    }

    /// Presses a button that downloads a file with this name. Returns its content.
    fn download(&self, button: &str, name: &str) -> Vec<u8> {
        let directory = self.directory.path("downloads");
        self.browser.save_downloads_in(&directory);
        self.browser.press(button);
        let path = Path::new(&directory).join(name);
        let deadline = Instant::now() + TIMEOUT;
        while !path.exists() {
            assert!(Instant::now() < deadline, "{name} was not downloaded");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::fs::read(path).expect("the file can be read")
    }

    /// Returns whether the browser would ask before it leaves the page.
    fn asks_before_leaving(&self) -> Value {
        let leave = "const leave = new Event('beforeunload', { cancelable: true }); \
            window.dispatchEvent(leave); return leave.defaultPrevented;";
        self.browser.execute(leave)
    }
}

#[test]
fn link_to_an_error_stays_on_its_step() {
    let import = Import::start();
    let browser = &import.browser;
    browser.press("Check the rows");
    browser.follow(
        "Category is required: enter a value for all rows, or choose the column that has it",
    );
    browser.wait_for_text("Check the columns");
    let focused = "return document.activeElement.id;";
    assert_eq!(browser.execute(focused), "default-category");
    let control = browser.execute(
        "const control = document.activeElement; \
         return [control.ariaInvalid, control.getAttribute('aria-describedby')];",
    );
    assert_eq!(control, json!(["true", "hint-category error-category"]));
    browser.fill("Category", "computers");
    browser.press("Check the rows");
    browser.wait_for_text("Nothing has been stored yet.");
    browser.back();
    browser.wait_for_text("Check the columns");
    assert_eq!(browser.value("Category"), "computers");
    browser.forward();
    browser.wait_for_text("Nothing has been stored yet.");
}

#[test]
fn dropped_file_is_chosen() {
    const DROP: &str = "\
        const label = document.querySelector('[data-drop-zone] label'); \
        const dataTransfer = new DataTransfer(); \
        dataTransfer.items.add(new File(['name\\nLA-1\\n'], 'dropped.csv')); \
        return ['dragover', 'drop'].map((type) => !label.dispatchEvent( \
            new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true })));";
    let api = Api::start();
    let browser = sign_in(&api, &api.key, View::default());
    browser.visit("/ui/import");
    assert_eq!(browser.execute(DROP), json!([true, true]));
    browser.press("Continue");
    browser.wait_for_text("dropped.csv: 1 row");
}

#[test]
fn downloads_keep_the_import() {
    let import = Import::start();
    import.plan();
    let mapping = import.download("Save this mapping", "laptops.mapping.json");
    let mapping: Value = serde_json::from_slice(&mapping).expect("the mapping is JSON");
    assert_eq!(mapping["defaults"]["category"], "computers");
    let name = "laptops.rejected.csv";
    let rejected = import.download("Download the rows with errors (.csv)", name);
    let rejected = String::from_utf8(rejected).expect("the file is UTF-8");
    assert!(rejected.contains("LA-2"), "{rejected}");
    assert_eq!(import.asks_before_leaving(), true);

    // A download that fails leaves the page as it is.
    let Import { api, browser, .. } = import;
    let stopped = StoppedServer::stop(api);
    browser.press("Save this mapping");
    browser.wait_for_text("The connection to the server was lost.");
    let api = stopped.start();
    browser.press_beginning("Import only the row");
    browser.wait_for_text("1 created");
    assert_eq!(count_devices(&api), 1);
}

#[test]
fn leaving_an_unfinished_import_is_confirmed() {
    let import = Import::start();
    assert_eq!(import.asks_before_leaving(), true);
    import.browser.back();
    import.browser.wait_for_text("Import a spreadsheet");
    assert_eq!(import.asks_before_leaving(), false);
    import.browser.forward();
    import.browser.wait_for_text("Check the columns");
    import.plan();
    assert_eq!(import.asks_before_leaving(), true);
    import.browser.press_beginning("Import only the row");
    import.browser.wait_for_text("1 created");
    assert_eq!(import.asks_before_leaving(), false);
}

#[test]
fn import_continues_after_another_sign_in() {
    let import = Import::start();
    let Import { api, browser, .. } = &import;
    api.database
        .execute("UPDATE console_sessions SET expires_at = now()");
    browser.fill("Category", "computers");
    browser.press("Check the rows");
    browser.wait_for_text("You are signed out. Your file and your choices are kept.");
    sign_in_in_new_tab(browser, &api.key);
    browser.press("Check the rows");
    browser.wait_for_text("Nothing has been stored yet.");
}

#[test]
fn changed_file_is_asked_for_again() {
    let import = Import::start();
    let browser = &import.browser;
    let corrected = SHEET.replace("LA-2,laptop,SN-1", "LA-2,laptop,SN-22");
    import.directory.write("laptops.csv", corrected);
    browser.fill("Category", "computers");
    browser.press("Check the rows");
    browser.wait_for_text("The file has changed on disk");
    browser.choose_file("Choose the same file again", Path::new(&import.sheet));
    browser.press("Check the rows");
    browser.wait_for_text("Import 2 devices");
    assert_eq!(
        browser.value("Choose the same file again"),
        "C:\\fakepath\\laptops.csv"
    );
}

#[test]
fn file_above_the_maximum_is_not_sent() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_BYTES", 1_048_576);
    let api = Api::start_with(&options);
    let directory = Directory::new();
    let sheet = directory.write("large.csv", vec![b'x'; 1_048_577]);
    let browser = sign_in(&api, &api.key, View::default());
    browser.visit("/ui/import");
    browser.choose_file("Spreadsheet", Path::new(&sheet));
    browser.press("Continue");
    let message = "return document.querySelector('[data-max-bytes]').validationMessage;";
    let message = browser.execute(message);
    let message = message.as_str().expect("the control has a message");
    assert!(
        message.contains("The file is larger than 1 MiB"),
        "{message}"
    );
    assert_eq!(browser.count("form[data-sent]"), 0);
}
