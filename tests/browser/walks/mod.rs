//! Walks through the console as users take them, most of them also without JavaScript.

mod activity;
mod assign;
mod conflict;
mod expired_session;
mod forms;
mod import;
mod import_script;
mod keyboard;
mod keys;
mod scopes;
mod serial_numbers;
mod sheet;

use devices_tests::{Api, ServerOptions, TestDatabase};
use serde_json::{Value, json};

use crate::browser::{Browser, View};

const WITHOUT_JAVASCRIPT: View = View {
    width: 1280,
    is_dark: false,
    has_javascript: false,
};

/// Signs in where the page of an ended session leads to, and returns to that page.
fn sign_in_in_new_tab(browser: &Browser, key: &str) {
    browser.follow("Sign in in a new tab");
    browser.switch_to_window(1);
    browser.fill("API key", key);
    browser.press("Sign in");
    browser.wait_for_text("Sign out");
    browser.switch_to_window(0);
}

/// Opens a browser that is signed in with a key, at the list of devices.
fn sign_in(api: &Api, key: &str, view: View) -> Browser {
    let browser = Browser::open_with(api.server.address(), view);
    browser.visit("/ui/devices");
    browser.fill("API key", key);
    browser.press("Sign in");
    browser.wait_for_text("Sign out");
    browser
}

/// Creates devices with the names `LA-0000`, `LA-0001` and so on. Returns their ids.
fn create_devices(api: &Api, count: usize) -> Vec<i64> {
    api.create_devices((0..count).map(|number| {
        json!({ "name": format!("LA-{number:04}"), "serial_number": serial_number(number) })
    }))
}

fn serial_number(number: usize) -> String {
    format!("EX{number:05}Q")
}

fn create_user(api: &Api, email: &str, first_name: &str) -> i64 {
    let user = json!({ "email": email, "first_name": first_name });
    let created = api.send("POST", "/users", &user);
    assert_eq!(created.status, 201, "{}", created.text);
    created.json()["data"]["id"]
        .as_i64()
        .expect("a user has an id")
}

/// Counts the active devices.
fn count_devices(api: &Api) -> Value {
    api.get_json("/devices?limit=1")["meta"]["total"].clone()
}

/// A server that does not run. Its port stays free.
struct StoppedServer {
    database: TestDatabase,
    key: String,
    port: String,
}

impl StoppedServer {
    /// Kills the server.
    fn stop(api: Api) -> Self {
        let address = api.server.address();
        let (_, port) = address.rsplit_once(':').expect("an address has a port");
        let port = port.to_owned();
        let Api {
            server,
            database,
            key,
            ..
        } = api;
        drop(server);
        Self {
            database,
            key,
            port,
        }
    }

    /// Starts another server on the same port.
    fn start(self) -> Api {
        let options = ServerOptions::with("DEVICES__SERVER__PORT", self.port);
        Api::resume(self.database, self.key, &options)
    }
}
